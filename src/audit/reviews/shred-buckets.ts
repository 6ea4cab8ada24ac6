import type { ErasureStore } from '../../erasure/erasure-store.js';
import { type Clock, SECOND_MS } from '../../lib/clock.js';
import { timeOrderedId } from '../../lib/ids.js';
import type { Vault } from '../../vault/vault.js';
import { leafText } from '../leaf.js';
import type { LogStore, PendingEntryStore } from '../log-store.js';
import type { BucketKeys } from './bucket-keys.js';
import { isOutdated, monthEndMs, newestOutdated } from './review-months.js';
import type { ReviewStore } from './review-store.js';

const BATCH_SIZE = 500;
/** A database that came back from a backup does not know of the keys that were made since. */
const UNKNOWN_MONTHS = 12;

/** The part of a transaction in which a bucket ends. */
interface EndStores {
  readonly reviews: ReviewStore;
  readonly audit: PendingEntryStore;
}

export interface ShredDeps {
  readonly store: {
    readonly reviews: ReviewStore;
    readonly erasures: Pick<ErasureStore, 'removeOfBucket'>;
    readonly log: Pick<LogStore, 'forgetEntriesBefore'>;
    transaction<T>(work: (stores: EndStores) => Promise<T>): Promise<T>;
  };
  readonly vault: Pick<Vault, 'shredScope'>;
  readonly clock: Clock;
  readonly keys: BucketKeys;
}

/**
 * Ends every bucket whose month ended at least `keptMonths` months ago, and leaves a RETENTION leaf for
 * each. Irreversible: once the key is shredded, no copy of the database opens a record of the bucket or
 * the claims of a receipt in it, and nobody can link the leaves of the month with a name who does not
 * hold the receipt. May be repeated after a crash at any step. Returns the buckets.
 */
export async function shredOutdatedBuckets(
  deps: ShredDeps,
  nowMs: number,
  keptMonths: number,
): Promise<readonly string[]> {
  const isOver = (bucket: string): boolean => isOutdated(bucket, nowMs, keptMonths);
  // Also what another process has shredded.
  deps.keys.forget(isOver);
  const known = (await deps.store.reviews.listKeys()).map(({ bucket }) => bucket);
  const ended = known.filter(isOver);
  for (const bucket of ended) await shredBucket(deps, bucket);
  for (const bucket of newestOutdated(nowMs, keptMonths, UNKNOWN_MONTHS))
    if (!ended.includes(bucket)) await deps.vault.shredScope({ bucket });
  return ended;
}

/** The key first, because what is removed may come back from a backup; its row last, to be found again. */
async function shredBucket(deps: ShredDeps, bucket: string): Promise<void> {
  const { store, vault, keys } = deps;
  await vault.shredScope({ bucket });
  keys.forget((held) => held === bucket);
  const endMs = monthEndMs(bucket) ?? 0;
  await repeat((limit) => store.reviews.removeBucket(bucket, limit));
  await repeat((limit) => store.erasures.removeOfBucket(bucket, limit));
  await repeat((limit) => store.log.forgetEntriesBefore(endMs, limit));
  await store.transaction(async ({ reviews, audit }) => {
    const left = await reviews.listKeys();
    if (!left.some((key) => key.bucket === bucket)) return;
    await audit.append(retentionEntry(deps.clock.nowMs()));
    await reviews.removeKey(bucket);
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
