import type { ErasureStore } from '../../erasure/erasure-store.js';
import { type Clock, SECOND_MS } from '../../lib/clock.js';
import { timeOrderedId } from '../../lib/ids.js';
import type { BucketCalendar } from '../../vault/buckets/bucket-calendar.js';
import type { BucketKeyStore } from '../../vault/buckets/bucket-key-store.js';
import type { BucketKeys } from '../../vault/buckets/bucket-keys.js';
import { shredOutdated } from '../../vault/buckets/shred-buckets.js';
import type { Vault } from '../../vault/vault.js';
import { leafText } from '../leaf.js';
import type { LogStore, PendingEntryStore } from '../log-store.js';
import type { ReviewStore } from './review-store.js';

const BATCH_SIZE = 500;
const UNKNOWN_MONTHS = 12;

/** The part of a transaction in which a bucket ends. */
interface EndStores {
  readonly bucketKeys: BucketKeyStore;
  readonly audit: PendingEntryStore;
}

export interface ShredDeps {
  readonly store: {
    readonly bucketKeys: BucketKeyStore;
    readonly reviews: ReviewStore;
    readonly erasures: Pick<ErasureStore, 'removeOfBucket'>;
    readonly log: Pick<LogStore, 'forgetEntriesBefore'>;
    transaction<T>(work: (stores: EndStores) => Promise<T>): Promise<T>;
  };
  readonly vault: Pick<Vault, 'shredScope'>;
  readonly clock: Clock;
  readonly keys: BucketKeys;
  readonly calendar: BucketCalendar;
}

/**
 * Ends every bucket whose month ended at least `keptMonths` months ago, and leaves a RETENTION leaf for
 * each. Irreversible: once the key is shredded, no copy of the database opens a record of the bucket or
 * the claims of a receipt in it, and nobody can link the leaves of the month with a name who does not
 * hold the receipt. May be repeated after a crash at any step. Returns the buckets.
 */
export async function shredOutdatedReviews(
  deps: ShredDeps,
  nowMs: number,
  keptMonths: number,
): Promise<readonly string[]> {
  const { calendar } = deps;
  return await shredOutdated(deps, {
    ...{ calendar, nowMs, keptPeriods: keptMonths },
    unknown: calendar.newestOutdated(nowMs, keptMonths, UNKNOWN_MONTHS),
    remove: (bucket) => removeBucket(deps, bucket),
  });
}

async function removeBucket(deps: ShredDeps, bucket: string): Promise<void> {
  const { store } = deps;
  const endMs = deps.calendar.endMs(bucket) ?? 0;
  await repeat((limit) => store.reviews.removeBucket(bucket, limit));
  await repeat((limit) => store.erasures.removeOfBucket(bucket, limit));
  await repeat((limit) => store.log.forgetEntriesBefore(endMs, limit));
  await store.transaction(async ({ bucketKeys, audit }) => {
    const left = await bucketKeys.list();
    if (!left.some((key) => key.bucket === bucket)) return;
    await audit.append(retentionEntry(deps.clock.nowMs()));
    await bucketKeys.remove(bucket);
  });
}

/** Names nothing and nobody, so there is nothing to commit to. */
function retentionEntry(nowMs: number): { entryId: string; leaf: string } {
  const t = Math.floor(nowMs / SECOND_MS);
  const leaf = leafText({ v: 2, t, op: 'RETENTION', outcome: 'succeeded' });
  return { entryId: timeOrderedId(nowMs), leaf };
}

async function repeat(remove: (limit: number) => Promise<number>): Promise<void> {
  while ((await remove(BATCH_SIZE)) === BATCH_SIZE);
}
