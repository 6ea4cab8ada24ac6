/** A deletion and its life: the intent is recorded first, so that a crash resumes from it. */
export interface Erasure {
  readonly erasureId: string;
  readonly tenantId: string;
  /** Keyed commitment of tenant and uuid, 32 bytes base64url: all that is kept in the end. */
  readonly subject: string;
  readonly state: 'shredding' | 'completed';
  /** What a crash needs to go on; gone when completed. */
  readonly intent?: {
    readonly uuid: string;
    readonly keyIds: readonly string[];
    /** The session of the first request; absent when no request asked for it. */
    readonly sessionId?: string;
  };
  readonly requestedAtMs: number;
  readonly completedAtMs?: number;
  /** Until then a copy of a root from before may exist (README.md, escrow); absent when none may. */
  readonly irrecoverableAtMs?: number;
  /** Once completed. */
  readonly receipt?: StoredReceipt;
}

/** What a receipt is made of, besides the log. */
export interface StoredReceipt {
  /** The log entry of the erasure. */
  readonly entryId: string;
  /** The claims, sealed: they end with this bucket of review records (`audit/reviews/reviews.ts`). */
  readonly bucket: string;
  readonly sealedClaims: Uint8Array;
}

/** The end of an erasure. */
export type Completion = Required<Pick<Erasure, 'completedAtMs' | 'receipt'>> &
  Pick<Erasure, 'irrecoverableAtMs'>;

/** Where erasures are kept. */
export interface ErasureStore {
  /** Records the intent; at most one erasure of a subject is under way. */
  start(erasure: Erasure): Promise<void>;
  find(erasureId: string): Promise<Erasure | undefined>;
  /** The erasure of a subject that is under way, else the one that was completed last. */
  findLatest(of: { tenantId: string; subject: string }): Promise<Erasure | undefined>;
  /** shredding becomes completed and the intent is dropped. Returns whether this call did it. */
  complete(erasureId: string, completion: Completion): Promise<boolean>;
  findUnfinished(limit: number): Promise<readonly Erasure[]>;
  /** Removes at most `limit` completed erasures whose receipts are in this bucket; returns how many. */
  removeOfBucket(bucket: string, limit: number): Promise<number>;
}
