import type { PendingEntry } from './entry.js';

/** One link of the hash chain. */
export interface LogRecord {
  /** 0 for the first entry, then without gaps. */
  readonly sequence: number;
  /** Canonical JSON of the entry: the exact bytes that are hashed. */
  readonly entry: string;
  /** 32 bytes, base64url: see `chain.ts`. */
  readonly hash: string;
}

/** The signed head of the log after a batch. */
export interface Checkpoint {
  /** Number of entries that the signature covers. */
  readonly size: number;
  /** Hash of the last of them. */
  readonly hash: string;
  readonly signedAt: string;
  readonly kid: string;
  /** Ed25519, 64 bytes base64url: see `chain.ts`. */
  readonly signature: string;
}

/** Entries with the checkpoint that covers them, appended in one step. */
export interface LogBatch {
  readonly records: readonly LogRecord[];
  readonly checkpoint: Checkpoint;
}

/** Where entries wait: part of the transaction of the operation that they tell of. */
export interface PendingEntryStore {
  /** Repeating it with the same entryId changes nothing. */
  append(pending: PendingEntry): Promise<void>;
}

/** Where the chain is kept. */
export interface LogStore {
  /**
   * Moves at most `limit` pending entries, oldest first, into the chain: calls `extend` with the
   * current head and stores what it returns, all or nothing. Of several processes one wins a round;
   * the others begin it again on the new head. Returns how many entries were moved.
   */
  sequence(
    limit: number,
    extend: (head: Checkpoint | undefined, pending: readonly PendingEntry[]) => LogBatch,
  ): Promise<number>;
  head(): Promise<Checkpoint | undefined>;
  /** Records from a sequence number on, in order. */
  readRecords(fromSequence: number, limit: number): Promise<readonly LogRecord[]>;
  /** Checkpoints of a size greater than `afterSize`, in order. */
  readCheckpoints(afterSize: number, limit: number): Promise<readonly Checkpoint[]>;
}
