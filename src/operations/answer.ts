import type { Stores } from './unit-of-work.js';

/** What the caller gets. */
export interface Answer {
  readonly status: number;
  readonly body: object;
  readonly headers?: Readonly<Record<string, string>>;
  /** The erasure whose receipt the body gets before it is sent. */
  readonly erasureId?: string;
  /** Called once the answer has left for the network. */
  readonly afterFlush?: () => void;
}

/**
 * Stores an answer under the request's Idempotency-Key, in the transaction that takes effect; does
 * nothing when there is no key.
 */
export type Remember = (stores: Stores, answer: Answer) => Promise<void>;
