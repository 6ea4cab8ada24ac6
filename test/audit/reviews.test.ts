import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { newEntry } from '../../src/audit/reviews/record.js';
import type { Review } from '../../src/audit/reviews/review-store.js';
import { serviceReviews } from '../../src/audit/reviews/reviews.js';
import { SealBroken } from '../../src/crypto/seal.js';
import { createSealer } from '../../src/crypto/sealer.js';
import { SecretBytes } from '../../src/crypto/secret-bytes.js';
import { utf8 } from '../../src/lib/bytes.js';
import { concurrently } from '../contract/samples.js';
import { MemoryVault } from '../support/memory-vault.js';
import { claimsIn, DETAILS, ReviewWorld } from './reviews-world.js';

let world: ReviewWorld;

beforeEach(async () => {
  world = await ReviewWorld.at(2026, 11, 30);
});
afterEach(async () => {
  await world.destroy();
});

/** The first byte of the ciphertext is another one. */
function damaged(bytes: Uint8Array): Uint8Array {
  return bytes.map((byte, at) => (at === 12 ? byte ^ 1 : byte));
}

describe('review records', () => {
  test('when one is sealed, then it lies in the bucket of its month and opens to what it was, in another process too', async () => {
    const reviews = await world.open();
    const review = await world.happen(reviews);
    expect(review.bucket).toBe('review/2026-11');
    expect(Buffer.from(review.sealed).includes('Jane')).toBe(false);
    for (const process of [reviews, await world.open()])
      expect(await process.open(review)).toEqual({
        leaf: expect.stringContaining('"op":"VERIFY"'),
        k: expect.stringMatching(/^[A-Za-z0-9_-]{43}$/),
        details: DETAILS,
      });
  });

  test('when the month turns, then the next bucket is sealed in without a call of the vault', async () => {
    const reviews = await world.open();
    expect(await world.buckets()).toEqual(['review/2026-11', 'review/2026-12']);
    world.clock.atMs = Date.UTC(2026, 11, 1) - 1;
    expect((await world.happen(reviews)).bucket).toBe('review/2026-11');
    world.clock.atMs += 1;
    world.keyTree.end();
    const review = await world.happen(reviews);
    expect(review.bucket).toBe('review/2026-12');
    expect((await reviews.open(review))?.details).toEqual(DETAILS);
  });

  test('when a year turns, then the bucket after December is January', async () => {
    world.travelTo(2026, 12, 31);
    await world.open();
    expect(await world.buckets()).toEqual(['review/2026-12', 'review/2027-01']);
  });

  test('when months have passed, then an old record opens with the key that the vault still has', async () => {
    const review = await world.happen(await world.open());
    world.travelTo(2027, 10);
    const later = await world.open();
    expect((await later.open(review))?.details).toEqual(DETAILS);
    expect(await world.buckets()).toHaveLength(4);
  });

  test('when the keys are prepared already, then preparing them again asks nobody', async () => {
    const vault = new MemoryVault(1);
    const reviews = await world.open({ vault });
    const calls = vault.calls.length;
    await reviews.prepare();
    expect(vault.calls).toHaveLength(calls);
    world.travelTo(2026, 12);
    await reviews.prepare();
    expect(vault.calls.length).toBeGreaterThan(calls);
    expect(await world.buckets()).toContain('review/2027-01');
  });

  test('when many processes begin at once, then all have the same keys', async () => {
    const processes = await concurrently(8, () => world.open());
    expect(await world.buckets()).toHaveLength(2);
    const records = [];
    for (const process of processes) records.push(await world.happen(process));
    for (const process of processes)
      for (const record of records) expect(await process.open(record)).toBeDefined();
  });

  test('when the key of this month is gone, then the next one is used; when both are, then nothing is sealed', async () => {
    world.travelTo(2026, 9);
    const older = await world.happen(await world.open());
    world.travelTo(2026, 11);
    const gone = await world.happen(await world.open());
    await world.vault.shred([await world.keyIdOf('review/2026-11')]);
    const reviews = await world.open();
    expect(await reviews.open(gone)).toBeUndefined();
    expect(await reviews.open(older)).toBeDefined();
    const review = await world.happen(reviews);
    expect(review.bucket).toBe('review/2026-12');
    expect((await reviews.open(review))?.details).toEqual(DETAILS);
    await world.vault.shred([await world.keyIdOf('review/2026-12')]);
    const last = await world.open();
    await expect(world.happen(last)).rejects.toMatchObject({ code: 'UNAVAILABLE' });
  });

  test('when the vault does not answer, then opening fails, and no key is stored or left in memory', async () => {
    const vault = new MemoryVault(1);
    vault.fault = new Error('the vault is away');
    await expect(world.open({ vault })).rejects.toThrow('the vault is away');
    expect(await world.buckets()).toEqual([]);
    expect(() => vault.plaintexts[0]!.use(() => 0)).toThrow('wiped');
  });

  test('when it is closed, then every key in memory is wiped and nothing is sealed any more', async () => {
    const vault = new MemoryVault(1);
    const first = await world.open({ vault });
    const second = await world.open({ vault });
    expect(vault.plaintexts).toHaveLength(4);
    first.close();
    second.close();
    for (const key of vault.plaintexts) expect(() => key.use(() => 0)).toThrow('wiped');
    await expect(world.happen(first)).rejects.toMatchObject({ code: 'UNAVAILABLE' });
  });

  test('when two load one key at a time, then one of them stays and the other is wiped', async () => {
    const vault = new MemoryVault(1);
    const review = await world.happen(await world.open({ vault }));
    world.travelTo(2027, 5);
    const reviews = await world.open({ vault });
    const before = vault.plaintexts.length;
    await concurrently(5, () => reviews.open(review));
    const loaded = vault.plaintexts.slice(before);
    const live = loaded.filter((key) => {
      try {
        return key.use(() => true);
      } catch {
        return false;
      }
    });
    expect([loaded.length, live.length]).toEqual([5, 1]);
  });
});

describe('what does not open', () => {
  const changes: [string, (review: Review) => Partial<Review>][] = [
    ['is changed in one byte', ({ sealed }) => ({ sealed: damaged(sealed) })],
    ['is cut short', ({ sealed }) => ({ sealed: sealed.subarray(0, 20) })],
    ['is put under another entry', () => ({ entryId: '0193a1b2-5c3d-7e4f-8a9b-0c1d2e3f4a5b' })],
    ['is put into another month', () => ({ bucket: 'review/2026-12' })],
    ['is put into the bucket of the service', () => ({ bucket: 'service' })],
  ];
  test.each(changes)('when a record %s, then that is found', async (_, change) => {
    const reviews = await world.open();
    const review = await world.happen(reviews);
    await expect(reviews.open({ ...review, ...change(review) })).rejects.toThrow(SealBroken);
  });

  test('when a record is listed under another tenant, then it is refused', async () => {
    const reviews = await world.open();
    const review = await world.happen(reviews);
    const { tenantId: _, ...nobodys } = review;
    for (const moved of [{ ...review, tenantId: 'other' }, nobodys])
      await expect(reviews.open(moved)).rejects.toMatchObject({
        code: 'INTERNAL',
        message: expect.stringContaining('another tenant'),
      });
  });

  test('when a bucket is unknown, then nothing in it opens', async () => {
    const reviews = await world.open();
    const review = await world.happen(reviews);
    expect(await reviews.open({ ...review, bucket: 'review/2020-01' })).toBeUndefined();
    expect(await reviews.open({ ...review, bucket: '' })).toBeUndefined();
  });

  test.each([
    ['details', { details: { ...DETAILS, clientId: 'somebody else' } }],
    ['secret', { k: 'A'.repeat(43) }],
    ['spelling of the secret', { k: 'not base64url!' }],
    ['leaf', { leaf: '{"op":"VERIFY","outcome":"failed","t":1,"v":2}' }],
    ['form of the leaf', { leaf: 'a leaf' }],
  ])(
    'when the %s is not what the leaf commits to, then the record is refused',
    async (_, change) => {
      const reviews = await world.open();
      const review = await world.happen(reviews);
      const content = { ...(await reviews.open(review))!, ...change };
      const forged = { ...review, ...reviews.seal(world.clock.atMs, review.entryId, content) };
      await expect(reviews.open(forged)).rejects.toMatchObject({
        code: 'INTERNAL',
        message: expect.stringContaining('does not fit the commitment of its leaf'),
      });
    },
  );

  test('when the vault holds a key row of another bucket, then its records do not open', async () => {
    const reviews = await world.open();
    const review = await world.happen(reviews);
    const [november] = await world.store.bucketKeys.list();
    await world.store.bucketKeys.insert({ ...november!, bucket: 'review/2020-01' });
    await expect(reviews.open({ ...review, bucket: 'review/2020-01' })).rejects.toThrow(SealBroken);
  });
});

describe('claims of receipts', () => {
  test('when they are sealed, then they open in their bucket, for their entry and as claims alone', async () => {
    const reviews = await world.open();
    const receipt = await world.erase(reviews, 'claims of Jane');
    expect(receipt.bucket).toBe('review/2026-11');
    expect(await claimsIn(await world.open(), receipt)).toBe('claims of Jane');
    const review = await world.happen(reviews);
    await expect(claimsIn(reviews, { ...receipt, entryId: review.entryId })).rejects.toThrow(
      SealBroken,
    );
    await expect(reviews.openIn(review)).rejects.toThrow(SealBroken);
    await expect(
      reviews.open({ ...review, ...receipt, sealed: receipt.sealedClaims }),
    ).rejects.toThrow(SealBroken);
  });
});

describe('records of the service', () => {
  const happening = { op: 'CLIENT', outcome: 'succeeded', tenantId: 't', clientId: 'c' } as const;

  test('when a command seals one, then it needs no vault, and a server opens it', async () => {
    const { clock, sealer } = world;
    const { review } = newEntry({ clock, reviews: serviceReviews(sealer) }, happening);
    expect(review.bucket).toBe('service');
    const reviews = await world.open();
    expect((await reviews.open(review))?.details).toEqual({ tenantId: 't', clientId: 'c' });
  });

  test('when it was sealed under another service key, then it does not open', async () => {
    const { clock } = world;
    const other = serviceReviews(createSealer(SecretBytes.random(32)));
    const { review } = newEntry({ clock, reviews: other }, happening);
    const reviews = await world.open();
    await expect(reviews.open(review)).rejects.toThrow(SealBroken);
  });

  test('when the service key sealed something else for the same entry, then that is no record', async () => {
    const { sealer } = world;
    const entryId = '0193a1b2-5c3d-7e4f-8a9b-0c1d2e3f4a5b';
    const sealed = sealer.seal(utf8('{}'), 'webhook-secret', 'service', entryId);
    const reviews = await world.open();
    await expect(reviews.open({ entryId, bucket: 'service', sealed })).rejects.toThrow(SealBroken);
  });
});
