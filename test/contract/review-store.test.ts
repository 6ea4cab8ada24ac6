import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import type { Review } from '../../src/audit/reviews/review-store.js';
import { openTestStore, type TestStore } from '../support/stores.js';
import {
  ALL_BYTES,
  comparable,
  concurrently,
  DIFFICULT_TEXT,
  sampleEntryIds,
  sampleExtension,
  samplePending,
  sampleReview,
} from './samples.js';

let opened: TestStore;

beforeEach(async () => {
  opened = await openTestStore();
});

afterEach(async () => {
  await opened.destroy();
});

async function append(members: Partial<Review> = {}): Promise<Review> {
  const review = sampleReview(members);
  await opened.store.audit.append({ ...samplePending(review.entryId), review });
  return review;
}

async function listedIds(page: { beforeEntryId?: string; limit?: number } = {}): Promise<string[]> {
  const { limit = 100, ...from } = page;
  const reviews = await opened.store.reviews.list({ tenantId: 'tenant', limit, ...from });
  return reviews.map(({ entryId }) => entryId);
}

describe('review records', () => {
  test('when a leaf is appended with its review record, then both are kept as they were given, after the store was opened again', async () => {
    const review = await append({
      tenantId: DIFFICULT_TEXT,
      bucket: DIFFICULT_TEXT,
      sealed: ALL_BYTES,
    });
    const { reviews, log } = await opened.reopen();
    const listed = await reviews.list({ tenantId: DIFFICULT_TEXT, limit: 10 });
    expect(comparable(listed)).toStrictEqual(comparable([review]));
    const seen: string[] = [];
    await log.sequence(10, (state, pending) => {
      seen.push(...pending.map(({ entryId }) => entryId));
      return sampleExtension(state, pending);
    });
    expect(seen).toEqual([review.entryId]);
  });

  test('when records are read, then the newest come first, page by page, across buckets', async () => {
    const ids = sampleEntryIds(5);
    const [a, b, c, d, e] = ids as [string, string, string, string, string];
    await append({ entryId: c, bucket: 'review/2027-02' });
    await append({ entryId: a, bucket: 'review/2027-01' });
    await append({ entryId: e, bucket: 'service' });
    await append({ entryId: b, bucket: 'review/2027-01' });
    await append({ entryId: d, bucket: 'review/2027-02' });
    expect(await listedIds()).toEqual([e, d, c, b, a]);
    expect(await listedIds({ limit: 2 })).toEqual([e, d]);
    expect(await listedIds({ limit: 2, beforeEntryId: d })).toEqual([c, b]);
    expect(await listedIds({ limit: 2, beforeEntryId: b })).toEqual([a]);
    expect(await listedIds({ limit: 2, beforeEntryId: a })).toEqual([]);
  });

  test('when records are of another tenant or of nobody, then a tenant does not see them', async () => {
    const own = await append();
    await append({ tenantId: 'other' });
    const { tenantId: _, ...ofNobody } = sampleReview();
    await opened.store.audit.append({ ...samplePending(ofNobody.entryId), review: ofNobody });
    expect(await listedIds()).toEqual([own.entryId]);
    expect(await opened.store.reviews.list({ tenantId: 'unknown', limit: 10 })).toEqual([]);
    expect(await opened.store.reviews.removeBucket(ofNobody.bucket, 10)).toBe(3);
  });

  test('when a leaf is appended again with another record, then the first record stays, before as well as after it was moved', async () => {
    const first = await append();
    const again = () => append({ entryId: first.entryId, bucket: 'review/2027-09' });
    await concurrently(5, again);
    await opened.store.log.sequence(10, sampleExtension);
    await again();
    const listed = await opened.store.reviews.list({ tenantId: 'tenant', limit: 10 });
    expect(comparable(listed)).toStrictEqual(comparable([first]));
    expect(await opened.store.reviews.removeBucket('review/2027-09', 10)).toBe(0);
  });

  test('when a bucket is removed, then at most the limit go, and the other buckets and the leaves stay', async () => {
    for (let count = 0; count < 3; count++) await append({ bucket: 'review/2026-12' });
    const kept = await append({ bucket: 'review/2027-01' });
    const { reviews, log } = opened.store;
    expect(await reviews.removeBucket('review/2026-12', 2)).toBe(2);
    expect(await listedIds()).toHaveLength(2);
    expect(await reviews.removeBucket('review/2026-12', 2)).toBe(1);
    expect(await reviews.removeBucket('review/2026-12', 2)).toBe(0);
    expect(await listedIds()).toEqual([kept.entryId]);
    expect(await log.sequence(10, sampleExtension)).toBe(4);
  });
});
