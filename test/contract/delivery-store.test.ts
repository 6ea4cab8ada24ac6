import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import type {
  AttemptResult,
  Delivery,
  DeliveryStore,
  LeasedDelivery,
} from '../../src/callbacks/delivery-store.js';
import { randomId } from '../../src/lib/ids.js';
import { openTestStore, type TestStore } from '../support/stores.js';
import {
  ALL_BYTES,
  comparable,
  concurrently,
  DIFFICULT_TEXT,
  NOW_MS,
  sampleDelivery,
} from './samples.js';

const LEASE_MS = 1_000;

let opened: TestStore;
let deliveries: DeliveryStore;

beforeEach(async () => {
  opened = await openTestStore();
  deliveries = opened.store.deliveries;
});

afterEach(async () => {
  await opened.destroy();
});

async function insert(members: Partial<Delivery> = {}): Promise<Delivery> {
  const delivery = sampleDelivery(members);
  await deliveries.insert(delivery);
  return delivery;
}

async function claim(
  at: { nowMs?: number; limit?: number; expedited?: string[] } = {},
): Promise<readonly LeasedDelivery[]> {
  const { nowMs = NOW_MS, limit = 10, expedited = [] } = at;
  return await deliveries.claimDue({ nowMs, leaseUntilMs: nowMs + LEASE_MS, limit, expedited });
}

async function claimedIds(at: Parameters<typeof claim>[0] = {}): Promise<string[]> {
  return (await claim(at)).map(({ delivery }) => delivery.deliveryId);
}

function attempt(next: AttemptResult['next'], attemptedAtMs = NOW_MS + 5): AttemptResult {
  return { attemptedAtMs, outcome: '503', next };
}

describe('insert and find', () => {
  test('when a delivery is inserted, then it is found by session as it was given after the store was opened again', async () => {
    const full = await insert({
      erasureId: DIFFICULT_TEXT,
      destination: `https://${DIFFICULT_TEXT}`,
      sealedCallback: ALL_BYTES,
      sealedBody: new Uint8Array(),
      state: 'failed',
      attempts: 7,
      firstAttemptedAtMs: NOW_MS + 1,
      lastOutcome: 'ECONNREFUSED',
      endedAtMs: NOW_MS + 2,
    });
    const fresh = await insert();
    const reopened = (await opened.reopen()).deliveries;
    for (const delivery of [full, fresh]) {
      expect(comparable(await reopened.findBySession(delivery.sessionId))).toStrictEqual(
        comparable(delivery),
      );
    }
    expect(await reopened.findBySession(randomId())).toBeUndefined();
  });

  test('when the event of a session is inserted again, then the first delivery stays', async () => {
    const first = await insert();
    await deliveries.insert(first);
    await insert({ sessionId: first.sessionId });
    expect(comparable(await deliveries.findBySession(first.sessionId))).toStrictEqual(
      comparable(first),
    );
    expect(await claimedIds()).toEqual([first.deliveryId]);
  });
});

describe('leases', () => {
  test('when deliveries are due, then they are leased, earliest due first, at most the limit', async () => {
    const third = await insert({ dueAtMs: NOW_MS });
    const first = await insert({ dueAtMs: NOW_MS - 20 });
    const second = await insert({ dueAtMs: NOW_MS - 10 });
    const later = await insert({ dueAtMs: NOW_MS + 1 });
    const leased = await claim({ limit: 2 });
    expect(comparable(leased.map(({ delivery }) => delivery))).toStrictEqual(
      comparable([first, second]),
    );
    expect(await claimedIds()).toEqual([third.deliveryId]);
    expect(await claimedIds()).toEqual([]);
    expect(await claimedIds({ nowMs: NOW_MS + 1 })).toEqual([later.deliveryId]);
  });

  test('when many workers claim at once, then no delivery has two', async () => {
    await concurrently(30, () => insert());
    const claims = await concurrently(10, () => claimedIds({ limit: 6 }));
    const ids = [...claims.flat(), ...(await claimedIds({ limit: 30 }))];
    expect(ids).toHaveLength(30);
    expect(new Set(ids).size).toBe(30);
  });

  test('when a delivery is named as expedited, then it is leased before it is due, within the limit', async () => {
    const expedited = await insert({ dueAtMs: NOW_MS + 500 });
    const due = await insert();
    const names = { expedited: [randomId(), expedited.deliveryId, due.deliveryId] };
    expect(await claimedIds({ ...names, limit: 1 })).toEqual([due.deliveryId]);
    expect(await claimedIds(names)).toEqual([expedited.deliveryId]);
    expect(await claimedIds(names)).toEqual([]);
  });

  test('when a delivery has ended, then it is not leased, not even when it is named', async () => {
    const { deliveryId } = await insert({ state: 'delivered', endedAtMs: NOW_MS });
    expect(await claimedIds({ expedited: [deliveryId] })).toEqual([]);
  });

  test('when a lease ran out, then another worker takes the delivery over, due ones in their order', async () => {
    const early = await insert({ dueAtMs: NOW_MS - 10 });
    await claim();
    const late = await insert({ dueAtMs: NOW_MS - 5 });
    const other = { nowMs: NOW_MS + LEASE_MS - 1, expedited: [early.deliveryId], limit: 1 };
    expect(await claimedIds(other)).toEqual([late.deliveryId]);
    const free = await insert({ dueAtMs: NOW_MS - 1 });
    expect(await claimedIds({ nowMs: NOW_MS + LEASE_MS })).toEqual([
      early.deliveryId,
      free.deliveryId,
    ]);
  });

  test('when the store is opened again, then a lease still holds', async () => {
    await insert();
    const [leased] = await claim();
    deliveries = (await opened.reopen()).deliveries;
    expect(await claimedIds()).toEqual([]);
    expect(await deliveries.finishAttempt(leased!, attempt({ state: 'delivered' }))).toBe(true);
  });
});

describe('attempts', () => {
  test('when the leases are released, then what was leased can be claimed, and a late result is refused', async () => {
    const { deliveryId } = await insert();
    const [leased] = await claim();
    expect(await claimedIds()).toEqual([]);
    await deliveries.releaseLeases();
    await deliveries.releaseLeases();
    expect(await claimedIds()).toEqual([deliveryId]);
    if (leased === undefined) throw new Error('nothing was leased');
    expect(await deliveries.finishAttempt(leased, attempt({ state: 'delivered' }))).toBe(false);
  });

  test('when an attempt ends a delivery, then what became of it is kept', async () => {
    const delivery = await insert();
    const [leased] = await claim();
    expect(await deliveries.finishAttempt(leased!, attempt({ state: 'delivered' }))).toBe(true);
    const finished: Delivery = {
      ...delivery,
      state: 'delivered',
      attempts: 1,
      firstAttemptedAtMs: NOW_MS + 5,
      lastOutcome: '503',
      endedAtMs: NOW_MS + 5,
    };
    expect(comparable(await deliveries.findBySession(delivery.sessionId))).toStrictEqual(
      comparable(finished),
    );
    expect(await claimedIds({ nowMs: NOW_MS + 10 * LEASE_MS })).toEqual([]);
  });

  test('when another attempt is to follow, then the delivery is free and due then, and the first attempt is remembered', async () => {
    const delivery = await insert();
    const [first] = await claim();
    const dueAtMs = NOW_MS + 50;
    await deliveries.finishAttempt(first!, attempt({ state: 'pending', dueAtMs }));
    expect(await claimedIds({ nowMs: dueAtMs - 1 })).toEqual([]);
    const [second] = await claim({ nowMs: dueAtMs });
    expect(second?.delivery).toMatchObject({ attempts: 1, dueAtMs, lastOutcome: '503' });
    await deliveries.finishAttempt(second!, attempt({ state: 'failed' }, dueAtMs));
    expect(await deliveries.findBySession(delivery.sessionId)).toMatchObject({
      state: 'failed',
      attempts: 2,
      firstAttemptedAtMs: NOW_MS + 5,
      endedAtMs: dueAtMs,
    });
  });

  test('when the lease had passed to another worker, then a late result is refused and changes nothing', async () => {
    const delivery = await insert();
    const [late] = await claim();
    const [current] = await claim({ nowMs: NOW_MS + LEASE_MS });
    expect(await deliveries.finishAttempt(late!, attempt({ state: 'failed' }))).toBe(false);
    expect(comparable(await deliveries.findBySession(delivery.sessionId))).toStrictEqual(
      comparable(delivery),
    );
    expect(await deliveries.finishAttempt(current!, attempt({ state: 'delivered' }))).toBe(true);
    expect(await deliveries.finishAttempt(current!, attempt({ state: 'failed' }))).toBe(false);
    expect((await deliveries.findBySession(delivery.sessionId))?.state).toBe('delivered');
  });

  test('when the lease ran out but nobody took it over, then a late result counts', async () => {
    await insert();
    const [leased] = await claim();
    const late = attempt({ state: 'delivered' }, NOW_MS + 10 * LEASE_MS);
    expect(await deliveries.finishAttempt(leased!, late)).toBe(true);
  });
});

describe('the next due time', () => {
  test('when deliveries are pending, then it is the earliest time at which one can be claimed', async () => {
    expect(await deliveries.nextDueAtMs()).toBeUndefined();
    await insert({ dueAtMs: NOW_MS - 1, state: 'failed', endedAtMs: NOW_MS });
    expect(await deliveries.nextDueAtMs()).toBeUndefined();
    await insert({ dueAtMs: NOW_MS + 2 * LEASE_MS });
    expect(await deliveries.nextDueAtMs()).toBe(NOW_MS + 2 * LEASE_MS);
    await insert({ dueAtMs: NOW_MS });
    expect(await deliveries.nextDueAtMs()).toBe(NOW_MS);
    const [leased] = await claim();
    expect(await deliveries.nextDueAtMs()).toBe(NOW_MS + LEASE_MS);
    await deliveries.finishAttempt(leased!, attempt({ state: 'delivered' }));
    expect(await deliveries.nextDueAtMs()).toBe(NOW_MS + 2 * LEASE_MS);
  });

  test('when a lease ends before its delivery is due, then the due time counts', async () => {
    const { deliveryId } = await insert({ dueAtMs: NOW_MS + 5 * LEASE_MS });
    await claim({ expedited: [deliveryId] });
    expect(await deliveries.nextDueAtMs()).toBe(NOW_MS + 5 * LEASE_MS);
  });
});

describe('removal', () => {
  test('when sessions are named, then their deliveries go, whatever their state, and others stay', async () => {
    const gone = [
      await insert(),
      await insert({ state: 'failed', endedAtMs: NOW_MS }),
      await insert({ dueAtMs: NOW_MS - 1 }),
    ];
    const [leased] = await claim({ limit: 1 });
    const kept = await insert();
    const sessionIds = gone.map((delivery) => delivery.sessionId);
    const removed = await deliveries.removeOfSessions([...sessionIds, randomId()]);
    expect(removed).toBe(gone.length);
    expect(await deliveries.removeOfSessions(sessionIds)).toBe(0);
    expect(await deliveries.removeOfSessions([])).toBe(0);
    for (const sessionId of sessionIds) {
      expect(await deliveries.findBySession(sessionId)).toBeUndefined();
    }
    expect(await deliveries.finishAttempt(leased!, attempt({ state: 'delivered' }))).toBe(false);
    expect(await claimedIds()).toEqual([kept.deliveryId]);
  });

  test('when old deliveries are removed, then at most the limit go, and only those that ended before', async () => {
    for (const endedAtMs of [1, 2, 3]) await insert({ state: 'delivered', endedAtMs });
    const kept = [await insert({ state: 'failed', endedAtMs: 4 }), await insert({ dueAtMs: 1 })];
    expect(await deliveries.removeEndedBefore(4, 2)).toBe(2);
    expect(await deliveries.removeEndedBefore(4, 2)).toBe(1);
    expect(await deliveries.removeEndedBefore(4, 2)).toBe(0);
    for (const { sessionId } of kept) {
      expect(await deliveries.findBySession(sessionId)).toBeDefined();
    }
  });
});
