import type { Vault } from '../vault.js';
import type { BucketCalendar } from './bucket-calendar.js';
import type { BucketKeyStore } from './bucket-key-store.js';
import type { BucketKeys } from './bucket-keys.js';

interface Deps {
  readonly store: { readonly bucketKeys: Pick<BucketKeyStore, 'list'> };
  readonly vault: Pick<Vault, 'shredScope'>;
  readonly keys: BucketKeys;
}

/** Which buckets of a calendar end, and how. */
interface Ending {
  readonly calendar: BucketCalendar;
  readonly nowMs: number;
  readonly keptPeriods: number;
  /**
   * Outdated buckets that end although the store has no key of them: a database that came back from a
   * backup does not know of the keys that were made since.
   */
  readonly unknown: readonly string[];
  /** Removes what lies in a bucket whose key is shredded, and last the row of its key. Repeatable. */
  remove(bucket: string): Promise<void>;
}

/**
 * Ends every bucket that is outdated: the key first, because what is removed may come back from a
 * backup; its row last, to be found again. Irreversible: once the key is shredded, no copy of the
 * database opens what is in the bucket. May be repeated after a crash at any step. Returns the buckets
 * that the store knew of.
 */
export async function shredOutdated(deps: Deps, ending: Ending): Promise<readonly string[]> {
  const { store, vault, keys } = deps;
  const { calendar, nowMs, keptPeriods } = ending;
  const isOver = (bucket: string) => calendar.isOutdated(bucket, nowMs, keptPeriods);
  // Also what another process has shredded.
  keys.forget(isOver);
  const known = (await store.bucketKeys.list()).map(({ bucket }) => bucket);
  const ended = known.filter(isOver);
  for (const bucket of ended) {
    await vault.shredScope({ bucket });
    keys.forget((held) => held === bucket);
    await ending.remove(bucket);
  }
  for (const bucket of ending.unknown)
    if (!ended.includes(bucket)) await vault.shredScope({ bucket });
  return ended;
}
