import type { RootSlot } from './root-slot.js';

/** What a root store promises about bytes that it overwrote. */
export interface Preflight {
  /**
   * `forgets`: overwritten bytes are gone. `doubtful`: they may survive, and the sentence says why.
   * `keeps`: they do survive.
   */
  readonly verdict: 'forgets' | 'doubtful' | 'keeps';
  /** One sentence for the operator. */
  readonly reason: string;
}

/** A root store that cannot be used; the message names it and the remedy in one sentence. */
export class RootStoreError extends Error {
  override readonly name = 'RootStoreError';
}

/**
 * Holds one share of the root in two slots, so that the next one is whole before the last one goes.
 * The root is computed from the shares of all stores: it is forgotten when any one of them forgot
 * its share. One process uses a store at a time.
 *
 * Whatever fails throws {@link RootStoreError}; afterwards the store holds what `load` says.
 */
export interface RootStore {
  /** How messages call it: a path or an address. */
  readonly name: string;
  /** Judges the place before anything is written to it; changes nothing. */
  preflight(): Promise<Preflight>;
  /**
   * The slots that are whole: one, or two between `stage` and `wipe`, highest epoch first; durable on
   * return. Undefined when the store was never written. A store that holds no whole slot is an error.
   * The caller wipes the shares.
   */
  load(): Promise<readonly RootSlot[] | undefined>;
  /**
   * Writes a share of a higher epoch than any that is stored, into the slot that does not hold the
   * highest one; makes the store at its first use. Durable on return.
   */
  stage(slot: RootSlot): Promise<void>;
  /**
   * Overwrites every slot but that of this epoch with random bytes, whatever it holds. Irreversible;
   * durable on return; may be repeated. An epoch that is not stored is an error, and wipes nothing.
   */
  wipe(except: { readonly epoch: number }): Promise<void>;
  /** Lets another process use the store. */
  close(): Promise<void>;
}
