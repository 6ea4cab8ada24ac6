import type { Review } from './reviews/review-store.js';

/** A leaf that waits for its place in the log. */
export interface PendingEntry {
  /** Sorts by time; a leaf gets one place under it. */
  readonly entryId: string;
  /** The exact text whose UTF-8 bytes are hashed: `leaf.ts`. */
  readonly leaf: string;
}

/** Where leaves wait: part of the transaction of the operation that they tell of. */
export interface PendingEntryStore {
  /** Keeps the leaf, and its review record where there is one. Repeating it changes nothing. */
  append(entry: PendingEntry & { readonly review?: Review }): Promise<void>;
}

/** Leaves that were appended in one step, and the checkpoint that covers them. */
export interface LogSegment {
  /** Index of its first leaf. */
  readonly start: number;
  /** Number of leaves in the log with these. */
  readonly size: number;
  /** The leaves as an entry bundle of C2SP tlog-tiles: each preceded by its length, 2 bytes big-endian. */
  readonly bundle: Uint8Array;
  /** Roots of the complete subtrees of the tree with `size` leaves, largest first, 32 bytes each. */
  readonly frontier: Uint8Array;
  /** C2SP tlog-checkpoint: the whole signed note of the log, without cosignatures. */
  readonly checkpoint: string;
}

/** The end of the log. */
export type LogHead = Pick<LogSegment, 'size' | 'frontier' | 'checkpoint'>;

/**
 * A hash above the leaves: the root of the complete subtree over the leaves from index × 256^level
 * up to (index + 1) × 256^level, for a level from 1 (C2SP tlog-tiles).
 */
export interface LogNode {
  readonly level: number;
  readonly index: number;
  /** 32 bytes. */
  readonly hash: Uint8Array;
}

/** What is appended in one step, all or nothing: at least one leaf. */
export interface LogExtension {
  readonly segment: LogSegment;
  /** The subtrees that its leaves completed. */
  readonly nodes: readonly LogNode[];
}

/** A key that signs checkpoints; the private half is derived from the service key (`log-keys.ts`). */
export interface LogKey {
  /** 1 for the first. */
  readonly generation: number;
  /** Verifier key of C2SP signed-note; its name is the origin of the log. */
  readonly vkey: string;
  readonly createdAtMs: number;
  /** Until then it signs beside its successor; absent while it is the newest. */
  readonly signsUntilMs?: number;
}

/** Keys take part in transactions, so that one comes into use together with its leaf. */
export interface LogKeyStore {
  /** All keys, oldest first. */
  list(): Promise<readonly LogKey[]>;
  /** Inserts a key unless its generation is there; returns whether it did. */
  insert(key: LogKey): Promise<boolean>;
  /** Sets when the key of this generation signs no more. */
  retire(generation: number, signsUntilMs: number): Promise<void>;
}

/** What a witness said of a checkpoint. */
export interface Cosignature {
  /** Size of the checkpoint. */
  readonly size: number;
  /** Verifier key of the witness. */
  readonly witness: string;
  /** The signature line of the note, with its line feed. */
  readonly line: string;
}

/** Where the log is kept. */
export interface LogStore {
  /**
   * Moves at most `limit` pending entries, oldest first, into the log: calls `extend` with the
   * present head and keys and stores what it returns, all or nothing. Of several processes one wins
   * a round; the others begin it again on the new head. Returns how many entries were moved.
   */
  sequence(
    limit: number,
    extend: (
      state: { readonly head: LogHead | undefined; readonly keys: readonly LogKey[] },
      pending: readonly PendingEntry[],
    ) => LogExtension,
  ): Promise<number>;
  head(): Promise<LogHead | undefined>;
  /** The index of an entry's leaf; undefined while it is pending or when its place was forgotten. */
  findIndex(entryId: string): Promise<number | undefined>;
  /** Of the first checkpoint that covers the leaf with this index; undefined when the log ends before. */
  findCheckpoint(index: number): Promise<Pick<LogSegment, 'size' | 'checkpoint'> | undefined>;
  /** Segments in order, from the one that holds the leaf with this index on. */
  readSegments(fromIndex: number, limit: number): Promise<readonly LogSegment[]>;
  /** Nodes of a level in order, from an index on. */
  readNodes(from: { level: number; index: number }, limit: number): Promise<readonly LogNode[]>;
  /** Forgets at most `limit` entry ids of before a time; their leaves stay. Returns how many. */
  forgetEntriesBefore(beforeMs: number, limit: number): Promise<number>;
  /** Keeps a cosignature; a second one of the same witness for the same size changes nothing. */
  addCosignature(cosignature: Cosignature): Promise<void>;
  /** Cosignatures of checkpoints of at least this size, by size, then witness. */
  readCosignatures(fromSize: number, limit: number): Promise<readonly Cosignature[]>;
  /** The largest size that has a cosignature. */
  findLargestCosigned(): Promise<number | undefined>;
}
