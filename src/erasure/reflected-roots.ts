import type { RootState } from '../vault/vault.js';

/**
 * Up to which epoch of each root the erasures are recorded among the users' data. A database that
 * was put back from a backup says less than the root knows.
 */
export interface ReflectedRootStore {
  list(): Promise<readonly RootState[]>;
  /** Raises the epoch of a root; a lower one changes nothing. */
  reflect(root: RootState): Promise<void>;
}
