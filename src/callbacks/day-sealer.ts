import { SealBroken } from '../crypto/seal.js';
import type { Clock } from '../lib/clock.js';
import { dailyBuckets } from '../vault/buckets/bucket-calendar.js';
import type { BucketKeyStore } from '../vault/buckets/bucket-key-store.js';
import { BucketKeys } from '../vault/buckets/bucket-keys.js';
import { shredOutdated } from '../vault/buckets/shred-buckets.js';
import type { Vault } from '../vault/vault.js';

const CALENDAR = dailyBuckets('callback');
/** How many outdated days end although the database knows no key of them. */
const UNKNOWN_DAYS = 366;

/** What sealed bytes are, and the session or delivery that they are of. */
export interface SealContext {
  readonly kind: 'callback' | 'webhook';
  readonly id: string;
}

/** Seals what is of use to callbacks alone, for as long as its day is kept. */
export interface DaySealer {
  /**
   * Seals under the key of the day (UTC) of this time; when that is not in memory, of another day close
   * to it (`vault/buckets/bucket-keys.ts`). Throws UNAVAILABLE when there is none.
   *
   * Shape: `length of the bucket (1) ‖ bucket (ASCII) ‖ sealed bytes (crypto/seal.ts)`, e.g. the byte 19,
   * `callback/2026-11-25`, and what opens with the key of that day. The associated data are kind,
   * bucket and id.
   */
  seal(atMs: number, context: SealContext, plaintext: Uint8Array): Uint8Array;
  /**
   * Undefined when the key of the day is gone. Throws SealBroken when the bytes are of something else,
   * UNAVAILABLE when the vault cannot be asked for the key now.
   */
  open(sealed: Uint8Array, context: SealContext): Promise<Uint8Array | undefined>;
}

/** The keys of days: sealed in the vault, so that shredding one reaches every backup. */
export interface DaySeals extends DaySealer {
  /** Makes sure that the keys of today and tomorrow are in memory. Costs nothing when they are. */
  prepare(): Promise<void>;
  /**
   * Shreds the key of every day that ended at least `keptDays` days ago, also of days of which the
   * database knows nothing. Irreversible: no copy of the database opens what was sealed on that day.
   * Leaves nothing in the log, which would tell on which days there were sessions. May be repeated
   * after a crash at any step; returns the buckets that the database knew of.
   */
  shredOutdated(nowMs: number, keptDays: number): Promise<readonly string[]>;
  /** Wipes the keys in memory. */
  close(): void;
}

interface Deps {
  readonly store: { readonly bucketKeys: BucketKeyStore };
  readonly vault: Pick<Vault, 'seal' | 'open' | 'shredScope'>;
  readonly clock: Clock;
}

/** Opens the day keys of a store, with those of today and tomorrow. */
export async function openDaySeals(deps: Deps): Promise<DaySeals> {
  const { store, vault } = deps;
  const keys = new BucketKeys(deps, {
    calendar: CALENDAR,
    ownerId: 'lethe/callbacks',
    content: 'callbacks and webhooks',
  });
  await keys.prepare();
  /** Outdated days that this process has shredded although the database did not know of them. */
  let settled: ReadonlySet<string> = new Set();

  return {
    prepare: () => keys.prepare(),
    seal: (atMs, { kind, id }, plaintext) => {
      const { bucket, sealer } = keys.sealerAt(atMs);
      return framed(bucket, sealer.seal(plaintext, kind, bucket, id));
    },
    open: async (framedBytes, { kind, id }) => {
      const { bucket, sealed } = parseFrame(framedBytes);
      return await keys.withSealer(bucket, (sealer) => sealer.open(sealed, kind, bucket, id));
    },
    shredOutdated: async (nowMs, keptDays) => {
      const outdated = CALENDAR.newestOutdated(nowMs, keptDays, UNKNOWN_DAYS);
      const ended = await shredOutdated(
        { store, vault, keys },
        {
          ...{ calendar: CALENDAR, nowMs, keptPeriods: keptDays },
          unknown: outdated.filter((bucket) => !settled.has(bucket)),
          remove: (bucket) => store.bucketKeys.remove(bucket),
        },
      );
      settled = new Set(outdated);
      // A clock that runs ahead may have taken the keys that are in use.
      await keys.prepare();
      return ended;
    },
    close: () => {
      keys.forget(() => true);
    },
  };
}

function framed(bucket: string, sealed: Uint8Array): Uint8Array {
  const name = Buffer.from(bucket, 'latin1');
  return Buffer.concat([Uint8Array.of(name.byteLength), name, sealed]);
}

function parseFrame(bytes: Uint8Array): { bucket: string; sealed: Uint8Array } {
  const [length = 0] = bytes;
  const bucket = Buffer.from(bytes.subarray(1, 1 + length)).toString('latin1');
  if (CALENDAR.endMs(bucket) === undefined) throw new SealBroken('the seal names no day');
  return { bucket, sealed: bytes.subarray(1 + length) };
}
