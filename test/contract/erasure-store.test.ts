import { afterAll, beforeAll, expect, test } from '@jest/globals';
import type { Erasure } from '../../src/erasure/erasure-store.js';
import { randomId } from '../../src/lib/ids.js';
import { openTestStore, type TestStore } from '../support/stores.js';
import { comparable, concurrently, DIFFICULT_TEXT, NOW_MS, sampleErasure } from './samples.js';

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

test('when an erasure starts, then its intent is found after the store was opened again', async () => {
  const erasure = await start({
    intent: { uuid: DIFFICULT_TEXT, keyIds: ['a', DIFFICULT_TEXT] },
  });
  const { erasures } = await opened.reopen();
  expect(comparable(await erasures.find(erasure.erasureId))).toStrictEqual(comparable(erasure));
  expect(await erasures.find(randomId())).toBeUndefined();
});

test('when an erasure of the subject is under way, then another one cannot start', async () => {
  const { erasures } = opened.store;
  const first = await start();
  const second = sampleErasure({ subject: first.subject });
  await expect(erasures.start(second)).rejects.toMatchObject({ code: 'INTERNAL' });
  expect(await erasures.find(second.erasureId)).toBeUndefined();
  await start({ subject: first.subject, tenantId: randomId() });
  await erasures.complete(first.erasureId, { completedAtMs: NOW_MS });
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
])('when an erasure completes, %s, then its intent is gone', async (_how, completion) => {
  const { erasures } = opened.store;
  const erasure = await start();
  expect(await erasures.complete(erasure.erasureId, completion)).toBe(true);
  const { intent, ...kept } = erasure;
  expect(intent).toBeDefined();
  expect(comparable(await erasures.find(erasure.erasureId))).toStrictEqual(
    comparable({ ...kept, state: 'completed', ...completion }),
  );
});

test('when an erasure is completed again, or is unknown, then the answer is false and nothing changes', async () => {
  const { erasures } = opened.store;
  const { erasureId } = await start();
  await erasures.complete(erasureId, { completedAtMs: NOW_MS });
  expect(await erasures.complete(erasureId, { completedAtMs: NOW_MS + 1 })).toBe(false);
  expect((await erasures.find(erasureId))?.completedAtMs).toBe(NOW_MS);
  expect(await erasures.complete(randomId(), { completedAtMs: NOW_MS })).toBe(false);
});

test('when many complete one erasure at once, then one of them does', async () => {
  const { erasureId } = await start();
  const completed = await concurrently(20, (index) =>
    opened.store.erasures.complete(erasureId, { completedAtMs: NOW_MS + index }),
  );
  expect(completed.filter(Boolean)).toHaveLength(1);
});

test('when a subject had several erasures, then the latest is the one under way, else the one completed last', async () => {
  const { erasures } = opened.store;
  const of = { tenantId: randomId(), subject: sampleErasure().subject };
  expect(await erasures.findLatest(of)).toBeUndefined();
  const first = await start(of);
  expect((await erasures.findLatest(of))?.erasureId).toBe(first.erasureId);
  await erasures.complete(first.erasureId, { completedAtMs: NOW_MS + 10 });
  const second = await start({ ...of, requestedAtMs: NOW_MS + 20 });
  expect(comparable(await erasures.findLatest(of))).toStrictEqual(comparable(second));
  await erasures.complete(second.erasureId, { completedAtMs: NOW_MS + 30 });
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
  await erasures.complete(done.erasureId, { completedAtMs: NOW_MS });
  const unfinished = await erasures.findUnfinished(3);
  expect(comparable(unfinished)).toStrictEqual(comparable([first, second, third]));
  expect(await erasures.findUnfinished(2)).toHaveLength(2);
});
