import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import type {
  AttemptResult,
  Claimed,
  Delivery,
  DeliveryFilter,
  DeliveryStore,
  LeasedDelivery,
} from '../../src/callbacks/delivery-store.js';
import type { Destination } from '../../src/callbacks/destination-store.js';
import { randomId, timeOrderedId } from '../../src/lib/ids.js';
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
const destination = { tenantId: 'tenant', origin: 'https://receiver.example' };
const elsewhere = { tenantId: 'tenant', origin: 'https://other.example' };

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

interface At {
  nowMs?: number;
  limit?: number;
  expedited?: string[];
  destination?: Destination;
}

async function claimAt(at: At = {}): Promise<Claimed> {
  const { nowMs = NOW_MS, limit = 10, expedited = [] } = at;
  const leaseUntilMs = nowMs + LEASE_MS;
  return await deliveries.claim({ destination, ...at, nowMs, leaseUntilMs, limit, expedited });
}

async function claim(at: At = {}): Promise<readonly LeasedDelivery[]> {
  return (await claimAt(at)).leased;
}

async function claimedIds(at: At = {}): Promise<string[]> {
  return (await claim(at)).map(({ delivery }) => delivery.deliveryId);
}

function attempt(next: AttemptResult['next'], atMs = NOW_MS + 5): AttemptResult {
  const made = { atMs, durationMs: 12, outcome: '503' };
  return { attempt: made, attemptLog: [made], next };
}

describe('insert and find', () => {
  test('when a delivery is inserted, then it is found by session as it was given after the store was opened again', async () => {
    const full = await insert({
      erasureId: DIFFICULT_TEXT,
      origin: `https://${DIFFICULT_TEXT}`,
      sealedCallback: ALL_BYTES,
      sealedBody: new Uint8Array(),
      state: 'failed',
      attempts: 7,
      attemptLog: [{ atMs: NOW_MS + 1, durationMs: 7, outcome: 'CONNECT' }],
      endedAtMs: NOW_MS + 2,
    });
    const fresh = await insert();
    const reopened = (await opened.reopen()).deliveries;
    for (const delivery of [full, fresh]) {
      expect(comparable(await reopened.findBySession(delivery.sessionId))).toStrictEqual(
        comparable(delivery),
      );
      expect(comparable(await reopened.find(delivery.deliveryId))).toStrictEqual(
        comparable(delivery),
      );
    }
    expect(await reopened.findBySession(randomId())).toBeUndefined();
    expect(await reopened.find(randomId())).toBeUndefined();
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
    const ids = await claimedIds({ nowMs: NOW_MS + LEASE_MS });
    expect(ids.sort()).toEqual([early.deliveryId, free.deliveryId].sort());
  });

  test('when the store is opened again, then a lease still holds', async () => {
    await insert();
    const [leased] = await claim();
    deliveries = (await opened.reopen()).deliveries;
    expect(await claimedIds()).toEqual([]);
    expect(await deliveries.finishAttempt(leased!, attempt({ state: 'delivered' }))).toBe(true);
  });
});

describe('giving back', () => {
  test('when leases are given back, then the deliveries can be claimed at once, and others keep theirs', async () => {
    const given = [await insert({ dueAtMs: NOW_MS - 2 }), await insert({ dueAtMs: NOW_MS - 1 })];
    const kept = await insert();
    const leased = await claim();
    const [first, second, third] = leased;
    await deliveries.giveBack([first!, second!]);
    await deliveries.giveBack([first!, second!]);
    await deliveries.giveBack([]);
    expect(await claimedIds()).toEqual(given.map(({ deliveryId }) => deliveryId));
    expect(third?.delivery.deliveryId).toBe(kept.deliveryId);
    expect(await deliveries.finishAttempt(third!, attempt({ state: 'delivered' }))).toBe(true);
  });

  test('when the lease has passed to another worker, then giving it back changes nothing', async () => {
    await insert();
    const late = await claim();
    const current = await claim({ nowMs: NOW_MS + LEASE_MS });
    await deliveries.giveBack(late);
    expect(await claimedIds({ nowMs: NOW_MS + LEASE_MS })).toEqual([]);
    expect(await deliveries.finishAttempt(current[0]!, attempt({ state: 'delivered' }))).toBe(true);
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
      attemptLog: [{ atMs: NOW_MS + 5, durationMs: 12, outcome: '503' }],
      endedAtMs: NOW_MS + 5,
    };
    expect(comparable(await deliveries.findBySession(delivery.sessionId))).toStrictEqual(
      comparable(finished),
    );
    expect(await claimedIds({ nowMs: NOW_MS + 10 * LEASE_MS })).toEqual([]);
  });

  test('when another attempt is to follow, then the delivery is free and due then, and the attempt is remembered', async () => {
    const delivery = await insert();
    const [first] = await claim();
    const dueAtMs = NOW_MS + 50;
    await deliveries.finishAttempt(first!, attempt({ state: 'pending', dueAtMs }));
    expect(await claimedIds({ nowMs: dueAtMs - 1 })).toEqual([]);
    const [second] = await claim({ nowMs: dueAtMs });
    expect(second?.delivery).toMatchObject({ attempts: 1, dueAtMs });
    await deliveries.finishAttempt(second!, attempt({ state: 'failed' }, dueAtMs));
    expect(await deliveries.findBySession(delivery.sessionId)).toMatchObject({
      state: 'failed',
      attempts: 2,
      attemptLog: [{ atMs: dueAtMs }],
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

describe('destinations', () => {
  test('when a destination is named, then only its deliveries are leased, whoever else is named or due', async () => {
    const own = await insert();
    const others = [
      await insert({ origin: elsewhere.origin }),
      await insert({ tenantId: 'another' }),
    ].map(({ deliveryId }) => deliveryId);
    expect(await claimedIds({ expedited: others })).toEqual([own.deliveryId]);
    expect(await claimedIds({ destination: elsewhere })).toEqual([others[0]]);
    expect(await claimedIds({ destination: { ...destination, tenantId: 'another' } })).toEqual([
      others[1],
    ]);
  });

  test('when deliveries are pending, then each destination is listed once, with the time of its earliest', async () => {
    expect(await deliveries.listQueues()).toEqual([]);
    for (const dueAtMs of [NOW_MS + 7, NOW_MS + 5, NOW_MS + 6]) await insert({ dueAtMs });
    await insert({ ...elsewhere, dueAtMs: NOW_MS + 9 });
    await insert({ tenantId: 'another', dueAtMs: NOW_MS + 1 });
    await insert({ tenantId: 'done', state: 'failed', endedAtMs: NOW_MS });
    const queues = await deliveries.listQueues();
    expect([...queues].sort((a, b) => a.nextAtMs - b.nextAtMs)).toEqual([
      { ...destination, tenantId: 'another', nextAtMs: NOW_MS + 1 },
      { ...destination, nextAtMs: NOW_MS + 5 },
      { ...elsewhere, nextAtMs: NOW_MS + 9 },
    ]);
  });

  test('when something was claimed, then the answer says when there is more', async () => {
    expect(await claimAt()).toEqual({ leased: [] });
    await insert({ dueAtMs: NOW_MS - 1 });
    await insert({ dueAtMs: NOW_MS });
    await insert({ dueAtMs: NOW_MS + 5 });
    expect((await claimAt({ limit: 1 })).nextAtMs).toBe(NOW_MS);
    const { leased, nextAtMs } = await claimAt();
    expect(nextAtMs).toBe(NOW_MS + 5);
    await deliveries.finishAttempt(leased[0]!, attempt({ state: 'delivered' }));
    expect((await claimAt({ nowMs: NOW_MS + 5 })).nextAtMs).toBe(NOW_MS + LEASE_MS);
  });
});

describe('the events of a session', () => {
  async function insertBoth(): Promise<{ started: Delivery; ended: Delivery }> {
    const started = await insert({ eventType: 'session.started' });
    const ended = sampleDelivery({ sessionId: started.sessionId });
    return { started, ended };
  }

  /** As the operation does it that ends the session. */
  async function end(ended: Delivery): Promise<void> {
    await opened.store.transaction(async ({ deliveries: within }) => {
      const nowMs = NOW_MS + 1;
      const untilMs = await within.supersede({ sessionId: ended.sessionId, nowMs });
      await within.insert({ ...ended, dueAtMs: Math.max(nowMs, untilMs ?? 0) });
    });
  }

  test('when the session ends before its event was sent, then only the last event goes out', async () => {
    const { started, ended } = await insertBoth();
    const bystander = await insert({ eventType: 'session.started' });
    await end(ended);
    expect(await deliveries.find(started.deliveryId)).toMatchObject({
      state: 'superseded',
      endedAtMs: NOW_MS + 1,
    });
    const ids = await claimedIds({ nowMs: NOW_MS + 1 });
    expect(ids.sort()).toEqual([ended.deliveryId, bystander.deliveryId].sort());
    expect((await deliveries.findBySession(ended.sessionId))?.deliveryId).toBe(ended.deliveryId);
  });

  test.each([
    { state: 'delivered' },
    { state: 'failed' },
    { state: 'pending', dueAtMs: NOW_MS + 99 },
  ] as const)(
    'when the event is being sent while its session ends, then the last event waits until it is %j',
    async (next) => {
      const { started, ended } = await insertBoth();
      const [leased] = await claim();
      await end(ended);
      expect(await claimedIds({ nowMs: NOW_MS + 2 })).toEqual([]);
      await deliveries.finishAttempt(leased!, attempt(next, NOW_MS + 3));
      expect(await claimedIds({ nowMs: NOW_MS + 3 })).toEqual([ended.deliveryId]);
      const state = next.state === 'pending' ? 'superseded' : next.state;
      expect(await deliveries.find(started.deliveryId)).toMatchObject({ state, attempts: 1 });
    },
  );

  test('when the worker died that sent the event, then it is not sent again after the last one', async () => {
    const { started, ended } = await insertBoth();
    await claim();
    await end(ended);
    expect(await claimedIds({ nowMs: NOW_MS + LEASE_MS })).toEqual([ended.deliveryId]);
    expect((await deliveries.find(started.deliveryId))?.state).toBe('superseded');
  });
});

describe('replay', () => {
  const which = (delivery: Delivery) => ({
    tenantId: delivery.tenantId,
    deliveryId: delivery.deliveryId,
    nowMs: NOW_MS + 9,
  });

  test.each(['delivered', 'failed'] as const)(
    'when a delivery that has %s is replayed, then its schedule begins anew and its log goes on',
    async (state) => {
      const attemptLog = [{ atMs: NOW_MS, durationMs: 1, outcome: '500' }];
      const ended = await insert({ state, endedAtMs: NOW_MS, attempts: 1, attemptLog });
      const expected = { ...ended, state: 'pending', attempts: 0, dueAtMs: NOW_MS + 9 };
      Reflect.deleteProperty(expected, 'endedAtMs');
      const replayed = await deliveries.replay(which(ended));
      expect(comparable(replayed)).toStrictEqual(comparable(expected));
      expect(comparable(await deliveries.replay(which(ended)))).toStrictEqual(comparable(expected));
      const [leased] = await claim({ nowMs: NOW_MS + 9 });
      expect(comparable(leased?.delivery)).toStrictEqual(comparable(expected));
    },
  );

  test('when a delivery waits for its next attempt, then a replay makes it due, its attempts counted', async () => {
    const waiting = await insert({ dueAtMs: NOW_MS + 99, attempts: 4 });
    expect(await deliveries.replay(which(waiting))).toMatchObject({ attempts: 4 });
    expect(await claimedIds({ nowMs: NOW_MS + 9 })).toEqual([waiting.deliveryId]);
  });

  test('when a delivery is being sent, then a replay leaves it to its worker', async () => {
    const sent = await insert();
    const [leased] = await claim();
    expect(await deliveries.replay(which(sent))).toMatchObject({ state: 'pending' });
    expect(await claimedIds({ nowMs: NOW_MS + 9 })).toEqual([]);
    expect(await deliveries.finishAttempt(leased!, attempt({ state: 'delivered' }))).toBe(true);
  });

  test('when it is superseded, unknown or of another tenant, then nothing changes', async () => {
    const superseded = await insert({ state: 'superseded', endedAtMs: NOW_MS });
    const foreign = await insert({ state: 'failed', endedAtMs: NOW_MS });
    expect(await deliveries.replay(which(superseded))).toBeUndefined();
    expect(await deliveries.replay({ ...which(foreign), tenantId: 'another' })).toBeUndefined();
    expect(await deliveries.replay(which(sampleDelivery()))).toBeUndefined();
    expect(comparable(await deliveries.find(foreign.deliveryId))).toStrictEqual(
      comparable(foreign),
    );
  });
});

describe('listing', () => {
  test('when pages are read, then they hold every delivery of the tenant once, newest first', async () => {
    const made = [];
    for (let number = 0; number < 7; number += 1)
      made.push(await insert({ deliveryId: timeOrderedId(NOW_MS + number) }));
    await insert({ tenantId: 'another' });
    const seen: string[] = [];
    for (let beforeDeliveryId: string | undefined; ; beforeDeliveryId = seen.at(-1)) {
      const filter = { tenantId: 'tenant' };
      const page = await deliveries.list({ filter, beforeDeliveryId, limit: 3 });
      seen.push(...page.map(({ deliveryId }) => deliveryId));
      if (page.length < 3) break;
    }
    expect(seen).toEqual(made.map(({ deliveryId }) => deliveryId).reverse());
  });

  test('when a filter is given, then every delivery of the page fits it', async () => {
    const wanted = await insert({ ...elsewhere, state: 'failed', endedAtMs: NOW_MS });
    await insert({ ...elsewhere });
    await insert({ state: 'failed', endedAtMs: NOW_MS });
    const ids = async (filter: Partial<DeliveryFilter>): Promise<string[]> => {
      const page = { filter: { tenantId: 'tenant', ...filter }, limit: 10 };
      return (await deliveries.list(page)).map(({ deliveryId }) => deliveryId);
    };
    expect(await ids({ state: 'failed', origin: elsewhere.origin })).toEqual([wanted.deliveryId]);
    expect(await ids({ sessionId: wanted.sessionId })).toEqual([wanted.deliveryId]);
    expect(await ids({ fromMs: NOW_MS, untilMs: NOW_MS + 1 })).toHaveLength(3);
    expect(await ids({ fromMs: NOW_MS + 1 })).toEqual([]);
    expect(await ids({ untilMs: NOW_MS })).toEqual([]);
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

  test('when old deliveries are removed, then at most the limit go, and only those created before, pending or not', async () => {
    for (const createdAtMs of [1, 2])
      await insert({ state: 'delivered', createdAtMs, endedAtMs: 9 });
    const pending = await insert({ createdAtMs: 3 });
    const kept = await insert({ createdAtMs: 4 });
    expect(await deliveries.removeCreatedBefore(4, 2)).toBe(2);
    expect(await deliveries.find(pending.deliveryId)).toBeDefined();
    expect(await deliveries.removeCreatedBefore(4, 2)).toBe(1);
    expect(await deliveries.removeCreatedBefore(4, 2)).toBe(0);
    expect(await deliveries.find(kept.deliveryId)).toBeDefined();
  });
});
