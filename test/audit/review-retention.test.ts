import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import type { Review } from '../../src/audit/reviews/review-store.js';
import type { Reviews } from '../../src/audit/reviews/reviews.js';
import type { SecretBytes } from '../../src/crypto/secret-bytes.js';
import type { StoredReceipt } from '../../src/erasure/erasure-store.js';
import type { Store, Stores } from '../../src/operations/unit-of-work.js';
import { parseKeyName } from '../../src/vault/key-name.js';
import type { Vault } from '../../src/vault/vault.js';
import { leavesOf } from '../contract/samples.js';
import { MemoryVault } from '../support/memory-vault.js';
import { claimsIn, DETAILS, ReviewWorld } from './reviews-world.js';

const NOVEMBER = 'review/2026-11';
/** Twelve months after the end of November 2026. */
const END_MS = Date.UTC(2027, 11, 1);
const KEPT_MONTHS = 12;

let world: ReviewWorld;
let reviews: Reviews;
/** Of November. */
let record: Review;
let receipt: StoredReceipt & { erasureId: string };
/** Of December. */
let kept: { record: Review; receipt: StoredReceipt & { erasureId: string } };

async function begin(): Promise<void> {
  world = await ReviewWorld.at(2026, 11, 30);
  reviews = await world.open();
  record = await world.happen(reviews);
  receipt = await world.erase(reviews, 'claims of November');
  world.travelTo(2026, 12);
  await reviews.prepare();
  kept = {
    record: await world.happen(reviews),
    receipt: await world.erase(reviews, 'claims of December'),
  };
  world.clock.atMs = END_MS;
  await reviews.prepare();
}

beforeEach(begin);
afterEach(async () => {
  await world.destroy();
});

const shred = async (by = reviews) => await by.shredOutdated(world.clock.atMs, KEPT_MONTHS);

async function retentionLeaves(): Promise<string[]> {
  await world.sequence();
  const leaves = leavesOf(await world.store.log.readSegments(0, 1_000));
  return leaves.filter((leaf) => leaf.includes('RETENTION'));
}

/** What is left of November, and of December. */
async function remains(by = reviews) {
  const { store } = world;
  const listed = await store.reviews.list({ tenantId: 'tenant', limit: 100 });
  const state = async (of: { record: Review; receipt: StoredReceipt & { erasureId: string } }) => ({
    isListed: listed.some(({ entryId }) => entryId === of.record.entryId),
    isErasureKnown: (await store.erasures.find(of.receipt.erasureId)) !== undefined,
    index: await store.log.findIndex(of.record.entryId),
    details: (await by.open(of.record))?.details,
    claims: await claimsIn(by, of.receipt),
  });
  return { november: await state({ record, receipt }), december: await state(kept) };
}

const NOTHING = {
  isListed: false,
  isErasureKnown: false,
  index: undefined,
  details: undefined,
  claims: undefined,
};
const ALL_OF_DECEMBER = {
  isListed: true,
  isErasureKnown: true,
  index: 2,
  details: DETAILS,
  claims: 'claims of December',
};

describe('the retention of review records', () => {
  test('when the months have not passed to the last millisecond, then nothing ends', async () => {
    const before = await remains();
    expect(before.november).toEqual({ ...ALL_OF_DECEMBER, index: 0, claims: 'claims of November' });
    world.clock.atMs = END_MS - 1;
    expect(await shred()).toEqual([]);
    expect(await remains()).toEqual(before);
    expect(await retentionLeaves()).toEqual([]);
  });

  test('when they have passed, then the bucket ends with all that is in it, and the others stay', async () => {
    expect(await shred()).toEqual([NOVEMBER]);
    expect(await remains()).toEqual({ november: NOTHING, december: ALL_OF_DECEMBER });
    expect(await remains(await world.open())).toEqual({
      november: NOTHING,
      december: ALL_OF_DECEMBER,
    });
    expect(await world.buckets()).not.toContain(NOVEMBER);
    expect(await retentionLeaves()).toEqual([
      `{"op":"RETENTION","outcome":"succeeded","t":${String(END_MS / 1_000)},"v":2}`,
    ]);
  });

  test('when it is repeated, by another process too, then nothing more happens', async () => {
    await shred();
    expect(await shred()).toEqual([]);
    expect(await shred(await world.open())).toEqual([]);
    expect(await retentionLeaves()).toHaveLength(1);
  });

  test('when two processes shred at once, then the log says so once', async () => {
    await Promise.all([shred(), shred(await world.open()), shred(await world.open())]);
    expect(await remains()).toEqual({ november: NOTHING, december: ALL_OF_DECEMBER });
    expect(await retentionLeaves()).toHaveLength(1);
  });

  test('when several months are overdue, then each ends, and the records of the service stay', async () => {
    world.travelTo(2028, 3);
    const { sealed } = record;
    await world.store.audit.append({
      ...{ entryId: '0193a1b2-5c3d-7e4f-8a9b-0c1d2e3f4a5b', leaf: 'of a command' },
      review: {
        ...{ entryId: '0193a1b2-5c3d-7e4f-8a9b-0c1d2e3f4a5b', tenantId: 'tenant', sealed },
        bucket: 'service',
      },
    });
    expect(await shred()).toEqual([NOVEMBER, 'review/2026-12', 'review/2027-01']);
    expect(await retentionLeaves()).toHaveLength(3);
    const left = await world.store.reviews.list({ tenantId: 'tenant', limit: 100 });
    expect(left.map(({ bucket }) => bucket)).toEqual(['service']);
  });

  test('when another process has shredded a bucket, then its key is wiped here at the next run', async () => {
    const fresh = await ReviewWorld.at(2026, 11);
    try {
      const vault = new MemoryVault(1);
      const here = await fresh.open({ vault });
      const there = await fresh.open({ vault });
      // Two that were made here, two that were opened there.
      const live = () => vault.plaintexts.slice(0, 4).map(isLive);
      expect(live()).toEqual([true, true, true, true]);
      fresh.travelTo(2029, 1);
      const ended = await there.shredOutdated(fresh.clock.atMs, KEPT_MONTHS);
      expect(ended).toEqual([NOVEMBER, 'review/2026-12']);
      expect(live()).toEqual([true, true, false, false]);
      expect(await here.shredOutdated(fresh.clock.atMs, KEPT_MONTHS)).toEqual([]);
      expect(live()).toEqual([false, false, false, false]);
    } finally {
      await fresh.destroy();
    }
  });

  test('when a clock that ran ahead shreds the months in use, then new keys are there at once', async () => {
    await reviews.shredOutdated(END_MS + 1_000 * 86_400_000, KEPT_MONTHS);
    const later = await world.happen(reviews);
    expect(later.bucket).toBe('review/2027-12');
    expect((await reviews.open(later))?.details).toEqual(DETAILS);
  });
});

describe('after a bucket was shredded', () => {
  test('when a thief has every node that was ever stored, then the root opens the key of no bucket that ended', async () => {
    const nameOf = async (bucket: string) => parseKeyName(await world.keyIdOf(bucket))!.keyId;
    const [ended, live] = [await nameOf(NOVEMBER), await nameOf('review/2026-12')];
    const before = world.keyTree.stolenKeyIds();
    expect([before.has(ended), before.has(live)]).toEqual([true, true]);
    await shred();
    const after = world.keyTree.stolenKeyIds();
    expect([after.has(ended), after.has(live)]).toEqual([false, true]);
  });

  test('when its rows come back from a backup, then none of them opens, and they are removed again', async () => {
    const keys = await world.store.bucketKeys.list();
    await shred();
    await world.store.bucketKeys.insert(keys.find(({ bucket }) => bucket === NOVEMBER)!);
    await world.store.audit.append({ entryId: record.entryId, leaf: 'again', review: record });
    const restored = await world.open();
    expect((await remains(restored)).november).toMatchObject({
      isListed: true,
      details: undefined,
      claims: undefined,
    });
    expect(await shred(restored)).toEqual([NOVEMBER]);
    expect((await remains(restored)).november).toEqual(NOTHING);
  });

  test('when a backup came back that did not know of the bucket, then its key is destroyed all the same', async () => {
    const keyId = await world.keyIdOf(NOVEMBER);
    await world.store.bucketKeys.remove(NOVEMBER);
    world.clock.atMs = END_MS - 1;
    await shred();
    expect(await world.vault.exist([keyId])).toEqual([true]);
    world.clock.atMs = END_MS;
    expect(await shred()).toEqual([]);
    expect(await world.vault.exist([keyId])).toEqual([false]);
  });
});

function isLive(secret: SecretBytes): boolean {
  try {
    return secret.use(() => true);
  } catch {
    return false;
  }
}

class Crash extends Error {}

/** The parts of a process that ends at the n-th step of a shredding, before or after it took effect. */
function endingAtStep(n: number): { store: Store; vault: Vault } {
  let left = n;
  const step = () => {
    if (left-- === 0) throw new Crash();
  };
  const stepped =
    <A extends unknown[], R>(call: (...args: A) => Promise<R>) =>
    async (...args: A): Promise<R> => {
      step();
      const result = await call(...args);
      step();
      return result;
    };
  const { store, vault } = world;
  const inTransaction = (stores: Stores): Stores => ({
    ...stores,
    audit: { append: stepped((entry) => stores.audit.append(entry)) },
    bucketKeys: {
      ...stores.bucketKeys,
      remove: stepped((bucket) => stores.bucketKeys.remove(bucket)),
    },
  });
  return {
    store: {
      ...store,
      reviews: {
        ...store.reviews,
        removeBucket: stepped((bucket, limit) => store.reviews.removeBucket(bucket, limit)),
      },
      erasures: {
        ...store.erasures,
        removeOfBucket: stepped((bucket, limit) => store.erasures.removeOfBucket(bucket, limit)),
      },
      log: {
        ...store.log,
        forgetEntriesBefore: stepped((ms, limit) => store.log.forgetEntriesBefore(ms, limit)),
      },
      transaction: (work) => store.transaction((stores) => work(inTransaction(stores))),
    },
    vault: { ...vault, shredScope: stepped((scope) => vault.shredScope(scope)) },
  };
}

describe('a crash while a bucket ends', () => {
  test('when the process ends at any step, then nothing was removed that still opens, and the next one finishes', async () => {
    const outcomes: string[] = [];
    for (let n = 0; outcomes.at(-1) !== 'done'; n += 1) {
      if (n > 0) {
        await world.destroy();
        await begin();
      }
      const crashing = await world.open(endingAtStep(n));
      const outcome = await shred(crashing).then(
        () => 'done',
        (error: unknown) => (error instanceof Crash ? 'crashed' : String(error)),
      );
      outcomes.push(outcome);
      const between = (await remains(await world.open())).november;
      const isWhole = between.isListed && between.isErasureKnown && between.index === 0;
      if (between.details !== undefined) expect([n, isWhole]).toEqual([n, true]);
      const isRowLeft = (await world.buckets()).includes(NOVEMBER);
      if (!isRowLeft) expect([n, between]).toEqual([n, NOTHING]);

      const next = await world.open();
      expect(await shred(next)).toEqual(isRowLeft ? [NOVEMBER] : []);
      expect(await remains(next)).toEqual({ november: NOTHING, december: ALL_OF_DECEMBER });
      expect(await retentionLeaves()).toHaveLength(1);
    }
    // Each of six steps can end before or after it took effect.
    expect(outcomes.filter((outcome) => outcome === 'crashed').length).toBeGreaterThanOrEqual(12);
    expect(new Set(outcomes)).toEqual(new Set(['crashed', 'done']));
  });

  test('when the vault cannot shred, then nothing is removed', async () => {
    const before = await remains();
    const { store, vault } = world;
    const shredScope = () => Promise.reject(new Error('the vault is away'));
    const failing = await world.open({ store, vault: { ...vault, shredScope } });
    await expect(shred(failing)).rejects.toThrow('the vault is away');
    expect(await remains()).toEqual(before);
    expect(await world.buckets()).toContain(NOVEMBER);
  });
});
