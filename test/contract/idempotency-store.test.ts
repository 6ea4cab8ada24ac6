import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { randomId } from '../../src/lib/ids.js';
import type { IdempotencyUse } from '../../src/sessions/idempotency-store.js';
import { openTestStore, type TestStore } from '../support/stores.js';
import { ALL_BYTES, comparable, concurrently, DIFFICULT_TEXT, digest, NOW_MS } from './samples.js';

const LEASE_MS = 1_000;
const FINGERPRINT = digest();
const ANSWER = { status: 201, sealedBody: ALL_BYTES };

let opened: TestStore;

beforeAll(async () => {
  opened = await openTestStore();
});

afterAll(async () => {
  await opened.destroy();
});

function newUse(): IdempotencyUse {
  return { scope: `client ${DIFFICULT_TEXT}`, key: randomId() };
}

async function start(use: IdempotencyUse, at: { nowMs?: number; fingerprint?: string } = {}) {
  const { nowMs = NOW_MS, fingerprint = FINGERPRINT } = at;
  const leaseUntilMs = nowMs + LEASE_MS;
  return await opened.store.idempotency.start({ ...use, fingerprint, nowMs, leaseUntilMs });
}

async function finish(use: IdempotencyUse, expiresAtMs = NOW_MS + 100 * LEASE_MS): Promise<void> {
  await opened.store.idempotency.finish({ ...use, answer: ANSWER, expiresAtMs });
}

test('when a key is new, then the request starts; a second one is in flight', async () => {
  const use = newUse();
  expect(await start(use)).toEqual({ outcome: 'started' });
  expect(await start(use)).toEqual({ outcome: 'in-flight' });
});

test('when the scope or the key is another one, then both start', async () => {
  const use = newUse();
  await start(use);
  expect(await start({ ...use, scope: randomId() })).toEqual({ outcome: 'started' });
  expect(await start({ ...use, key: randomId() })).toEqual({ outcome: 'started' });
});

test('when many start with one key at once, then one of them does', async () => {
  const use = newUse();
  const starts = await concurrently(20, () => start(use));
  const outcomes = starts.map((result) => result.outcome).toSorted();
  expect(outcomes).toEqual([...Array<string>(19).fill('in-flight'), 'started']);
});

test('when the request finished, then its answer is told, byte for byte, after the store was opened again', async () => {
  const use = newUse();
  await start(use);
  await finish(use);
  await opened.reopen();
  const again = await start(use, { nowMs: NOW_MS + 2 * LEASE_MS });
  expect(comparable(again)).toStrictEqual(comparable({ outcome: 'finished', answer: ANSWER }));
});

test('when the request is another one, then it is a mismatch, in flight as well as finished', async () => {
  const use = newUse();
  await start(use);
  expect(await start(use, { fingerprint: digest() })).toEqual({ outcome: 'mismatch' });
  await finish(use);
  expect(await start(use, { fingerprint: digest() })).toEqual({ outcome: 'mismatch' });
});

test('when the lease ran out, then the key is free, also for another request', async () => {
  const use = newUse();
  await start(use);
  expect(await start(use, { nowMs: NOW_MS + LEASE_MS - 1 })).toEqual({ outcome: 'in-flight' });
  const late = { nowMs: NOW_MS + LEASE_MS, fingerprint: digest() };
  expect(await start(use, late)).toEqual({ outcome: 'started' });
  expect(await start(use, late)).toEqual({ outcome: 'in-flight' });
});

test('when many take over a lease that ran out, then one of them does', async () => {
  const use = newUse();
  await start(use);
  const starts = await concurrently(20, () => start(use, { nowMs: NOW_MS + LEASE_MS }));
  expect(starts.filter((result) => result.outcome === 'started')).toHaveLength(1);
});

test('when the answer expired, then the key is free and the answer is not told again', async () => {
  const use = newUse();
  await start(use);
  await finish(use, NOW_MS + 10);
  expect(await start(use, { nowMs: NOW_MS + 9 })).toMatchObject({ outcome: 'finished' });
  expect(await start(use, { nowMs: NOW_MS + 10 })).toEqual({ outcome: 'started' });
  expect(await start(use, { nowMs: NOW_MS + 10 })).toEqual({ outcome: 'in-flight' });
});

test('when a second answer comes for a key, then the first one stays', async () => {
  const use = newUse();
  await start(use);
  await finish(use);
  const other = { status: 500, sealedBody: new Uint8Array(3) };
  await opened.store.idempotency.finish({ ...use, answer: other, expiresAtMs: NOW_MS + 1 });
  expect(comparable(await start(use))).toStrictEqual(
    comparable({ outcome: 'finished', answer: ANSWER }),
  );
});

test('when a key is given back, then it is free; a finished one stays finished', async () => {
  const use = newUse();
  await start(use);
  await opened.store.idempotency.abandon(use);
  expect(await start(use, { fingerprint: digest() })).toEqual({ outcome: 'started' });
  await finish(use);
  await opened.store.idempotency.abandon(use);
  expect((await start(use)).outcome).toBe('mismatch');
  await opened.store.idempotency.abandon(newUse());
});

test('when expired keys are removed, then at most the limit go, and the others stay', async () => {
  const { idempotency } = opened.store;
  for (const nowMs of [0, 1, 2]) await start(newUse(), { nowMs });
  const kept = newUse();
  await start(kept, { nowMs: 3 });
  expect(await idempotency.removeExpired(LEASE_MS + 2, 2)).toBe(2);
  expect(await idempotency.removeExpired(LEASE_MS + 2, 2)).toBe(1);
  expect(await idempotency.removeExpired(LEASE_MS + 2, 2)).toBe(0);
  expect(await start(kept, { nowMs: 3 })).toEqual({ outcome: 'in-flight' });
});
