import { afterAll, beforeAll, expect, test } from '@jest/globals';
import type { Erasure } from '../../src/erasure/erasure-store.js';
import { randomId } from '../../src/lib/ids.js';
import { openTestStore, type TestStore } from '../support/stores.js';
import {
  ALL_BYTES,
  comparable,
  concurrently,
  DIFFICULT_TEXT,
  NOW_MS,
  sampleCompletion,
  sampleErasure,
} from './samples.js';

let opened: TestStore;

beforeAll(async () => {
  opened = await openTestStore();
});

afterAll(async () => {
  await opened.destroy();
});

async function start(members: Partial<Erasure> = {}): Promise<Erasure> {
  const erasure = sampleErasure(members);
  await opened.store.erasures.start(erasure);
  return erasure;
}

test.each([
  ['for a session', { sessionId: DIFFICULT_TEXT }],
  ['for no session', {}],
])(
  'when an erasure starts, %s, then its intent is found after the store was opened again',
  async (_why, session) => {
    const erasure = await start({
      intent: { uuid: DIFFICULT_TEXT, keyIds: ['a', DIFFICULT_TEXT], ...session },
    });
    const { erasures } = await opened.reopen();
    expect(comparable(await erasures.find(erasure.erasureId))).toStrictEqual(comparable(erasure));
    expect(await erasures.find(randomId())).toBeUndefined();
  },
);

test('when an erasure of the subject is under way, then another one cannot start', async () => {
  const { erasures } = opened.store;
  const first = await start();
  const second = sampleErasure({ subject: first.subject });
  await expect(erasures.start(second)).rejects.toMatchObject({ code: 'INTERNAL' });
  expect(await erasures.find(second.erasureId)).toBeUndefined();
  await start({ subject: first.subject, tenantId: randomId() });
  await erasures.complete(first.erasureId, sampleCompletion());
  await erasures.start(second);
});

test('when many start an erasure of one subject at once, then one of them succeeds', async () => {
  const { subject } = sampleErasure();
  const started = await concurrently(10, () =>
    start({ subject }).then(
      () => true,
      () => false,
    ),
  );
  expect(started.filter(Boolean)).toHaveLength(1);
});

test.each([
  ['at once', { completedAtMs: NOW_MS + 5 }],
  ['with an escrow', { completedAtMs: NOW_MS + 5, irrecoverableAtMs: NOW_MS + 9 }],
])(
  'when an erasure completes, %s, then its intent is gone and what its receipt is made of is there',
  async (_how, times) => {
    const erasure = await start({
      intent: { uuid: 'uuid', keyIds: ['a'], sessionId: randomId() },
    });
    const completion = sampleCompletion({
      ...times,
      receipt: { entryId: randomId(), bucket: DIFFICULT_TEXT, sealedClaims: ALL_BYTES },
    });
    expect(await opened.store.erasures.complete(erasure.erasureId, completion)).toBe(true);
    const { intent, ...kept } = erasure;
    expect(intent).toBeDefined();
    const { erasures } = await opened.reopen();
    expect(comparable(await erasures.find(erasure.erasureId))).toStrictEqual(
      comparable({ ...kept, state: 'completed', ...completion }),
    );
  },
);

test('when an erasure is completed again, or is unknown, then the answer is false and nothing changes', async () => {
  const { erasures } = opened.store;
  const { erasureId } = await start();
  await erasures.complete(erasureId, sampleCompletion());
  const before = comparable(await erasures.find(erasureId));
  const again = sampleCompletion({ completedAtMs: NOW_MS + 1 });
  expect(await erasures.complete(erasureId, again)).toBe(false);
  expect(comparable(await erasures.find(erasureId))).toStrictEqual(before);
  expect(await erasures.complete(randomId(), sampleCompletion())).toBe(false);
});

test('when many complete one erasure at once, then one of them does', async () => {
  const { erasureId } = await start();
  const completed = await concurrently(20, (index) =>
    opened.store.erasures.complete(erasureId, sampleCompletion({ completedAtMs: NOW_MS + index })),
  );
  expect(completed.filter(Boolean)).toHaveLength(1);
});

test('when a subject had several erasures, then the latest is the one under way, else the one completed last', async () => {
  const { erasures } = opened.store;
  const of = { tenantId: randomId(), subject: sampleErasure().subject };
  expect(await erasures.findLatest(of)).toBeUndefined();
  const first = await start(of);
  expect((await erasures.findLatest(of))?.erasureId).toBe(first.erasureId);
  await erasures.complete(first.erasureId, sampleCompletion({ completedAtMs: NOW_MS + 10 }));
  const second = await start({ ...of, requestedAtMs: NOW_MS + 20 });
  expect(comparable(await erasures.findLatest(of))).toStrictEqual(comparable(second));
  await erasures.complete(second.erasureId, sampleCompletion({ completedAtMs: NOW_MS + 30 }));
  expect((await erasures.findLatest(of))?.erasureId).toBe(second.erasureId);
  expect(await erasures.findLatest({ ...of, tenantId: randomId() })).toBeUndefined();
});

test('when erasures are unfinished, then they are found, oldest first, at most the limit', async () => {
  const { erasures } = opened.store;
  const [second, first, third] = [
    await start({ requestedAtMs: 2 }),
    await start({ requestedAtMs: 1 }),
    await start({ requestedAtMs: 3 }),
  ];
  const done = await start({ requestedAtMs: 0 });
  await erasures.complete(done.erasureId, sampleCompletion());
  const unfinished = await erasures.findUnfinished(3);
  expect(comparable(unfinished)).toStrictEqual(comparable([first, second, third]));
  expect(await erasures.findUnfinished(2)).toHaveLength(2);
});

test('when the receipts of a bucket end, then its erasures are removed, at most the limit, and no others', async () => {
  const { erasures } = opened.store;
  const completeIn = async (bucket: string): Promise<string> => {
    const { erasureId } = await start();
    const { receipt } = sampleCompletion();
    await erasures.complete(erasureId, sampleCompletion({ receipt: { ...receipt, bucket } }));
    return erasureId;
  };
  const ended = [
    await completeIn('review/2020-01'),
    await completeIn('review/2020-01'),
    await completeIn('review/2020-01'),
  ];
  const kept = [await completeIn('review/2020-02'), (await start()).erasureId];
  const count = async (ids: readonly string[]): Promise<number> =>
    (await Promise.all(ids.map((id) => erasures.find(id)))).filter(Boolean).length;

  expect(await erasures.removeOfBucket('review/2020-01', 2)).toBe(2);
  expect(await count(ended)).toBe(1);
  expect(await erasures.removeOfBucket('review/2020-01', 2)).toBe(1);
  expect(await erasures.removeOfBucket('review/2020-01', 2)).toBe(0);
  expect([await count(ended), await count(kept)]).toEqual([0, 2]);
});
