/**
 * Who asked and what for, sealed: kept apart from the log, so that it can end. Everything in one
 * bucket ends together, when the bucket's key is shredded.
 */
export interface Review {
  /** The same as of the leaf that it explains. */
  readonly entryId: string;
  /** Whose it is; absent when nobody was authenticated. */
  readonly tenantId?: string;
  /** The month that it ends with, `review/2026-11`, or `service` (`reviews.ts`). */
  readonly bucket: string;
  readonly sealed: Uint8Array;
}

/** Where review records are kept; they are written with their leaves. */
export interface ReviewStore {
  /** Records of a tenant, newest first, from before an entry id on. */
  list(page: {
    tenantId: string;
    beforeEntryId?: string | undefined;
    limit: number;
  }): Promise<readonly Review[]>;
  /** Removes at most `limit` records of a bucket; returns how many. */
  removeBucket(bucket: string, limit: number): Promise<number>;
}
