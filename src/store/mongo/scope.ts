import type { mongo } from 'mongoose';
import type { Collections } from './collections.js';

/** What a store works in: the database itself, or one transaction of it. */
export interface Scope {
  readonly collections: Collections;
  /** Given to every command. */
  readonly options: { readonly session?: mongo.ClientSession };
  readonly isTransaction: boolean;
  /**
   * Makes one call to the database. Outside a transaction the attempt is repeated after a failure
   * that may pass, so it must be right when an earlier one took effect; inside, the whole
   * transaction is repeated instead.
   */
  readonly call: <T>(attempt: (isRepetition: boolean) => Promise<T>) => Promise<T>;
  /** Runs several commands as one: in this transaction, or in one of their own. */
  readonly atomically: <T>(work: (scope: Scope) => Promise<T>) => Promise<T>;
}
