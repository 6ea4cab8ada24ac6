import { randomInt } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { randomId } from '../../src/lib/ids.js';
import type { Stores } from '../../src/operations/unit-of-work.js';
import { openTestStore, type TestStore } from '../support/stores.js';
import {
  concurrently,
  digest,
  leavesOf,
  NOW_MS,
  sampleBucketKey,
  sampleClient,
  sampleDelivery,
  sampleErasure,
  sampleExtension,
  samplePending,
  sampleReview,
  sampleSession,
  sampleSubject,
  sampleTenant,
} from './samples.js';

let opened: TestStore;

beforeAll(async () => {
  opened = await openTestStore();
});

afterAll(async () => {
  await opened.destroy();
});

/** One row in every store, and how to look whether they are there. */
function everywhere(): { write(stores: Stores): Promise<void>; isThere(): Promise<boolean[]> } {
  const tenant = sampleTenant();
  const client = sampleClient();
  const session = sampleSession();
  const subject = sampleSubject();
  const erasure = sampleErasure();
  const delivery = sampleDelivery();
  const pending = samplePending();
  const tenantId = tenant.tenantId;
  const review = sampleReview({ entryId: pending.entryId, tenantId });
  const bucketKey = sampleBucketKey({ bucket: randomId() });
  const logKey = { generation: randomInt(1_000_000), vkey: 'vkey', createdAtMs: NOW_MS };
  const key = { scope: 'client', key: randomId(), fingerprint: digest(), nowMs: NOW_MS };
  const use = { ...key, leaseUntilMs: NOW_MS + 1 };
  return {
    write: async (stores) => {
      await stores.access.insertTenant(tenant);
      await stores.access.insertClient(client);
      await stores.sessions.insert(session);
      await stores.subjects.insert(subject);
      await stores.erasures.start(erasure);
      await stores.deliveries.insert(delivery);
      await stores.idempotency.start(use);
      await stores.audit.append({ ...pending, review });
      await stores.logKeys.insert(logKey);
      await stores.bucketKeys.insert(bucketKey);
    },
    isThere: async () => {
      const { store } = opened;
      return [
        (await store.access.findTenant(tenant.tenantId)) !== undefined,
        (await store.access.findClient(client.clientId)) !== undefined,
        (await store.sessions.find(session.sessionId)) !== undefined,
        (await store.subjects.find(subject)) !== undefined,
        (await store.erasures.find(erasure.erasureId)) !== undefined,
        (await store.deliveries.findBySession(delivery.sessionId)) !== undefined,
        (await store.idempotency.start(use)).outcome === 'in-flight',
        (await leaves()).includes(pending.leaf),
        (await store.reviews.list({ tenantId, limit: 1 })).length === 1,
        (await store.logKeys.list()).some(({ generation }) => generation === logKey.generation),
        (await store.bucketKeys.list()).some(({ bucket }) => bucket === bucketKey.bucket),
      ];
    },
  };
}

/** Leaves that wait for the log, or are in it. */
async function leaves(): Promise<string[]> {
  const { log } = opened.store;
  while ((await log.sequence(100, sampleExtension)) > 0);
  return leavesOf(await log.readSegments(0, 1_000));
}

test('when the work is done, then its result is returned and everything it wrote is there after the store was opened again', async () => {
  const rows = everywhere();
  const result = await opened.store.transaction(async (stores) => {
    await rows.write(stores);
    return 'done';
  });
  expect(result).toBe('done');
  await opened.reopen();
  expect(await rows.isThere()).toEqual(Array(11).fill(true));
});

test('when the work throws, then the caller gets the error and nothing that it wrote is there', async () => {
  const rows = everywhere();
  const failure = new Error('changed my mind');
  const failing = opened.store.transaction(async (stores) => {
    await rows.write(stores);
    throw failure;
  });
  await expect(failing).rejects.toBe(failure);
  expect(await rows.isThere()).toEqual(Array(11).fill(false));
});

test('when the work throws, then what it changed and removed is as before', async () => {
  const { store } = opened;
  const [changed, removed] = [sampleSession(), sampleSubject()];
  await store.sessions.insert(changed);
  await store.subjects.insert(removed);
  const failing = store.transaction(async (stores) => {
    await stores.sessions.end(changed.sessionId, { state: 'SUCCESS', endedAtMs: NOW_MS });
    await stores.subjects.remove(removed);
    throw new Error('changed my mind');
  });
  await expect(failing).rejects.toThrow('changed my mind');
  expect((await store.sessions.find(changed.sessionId))?.state).toBe('CREATED');
  expect(await store.subjects.find(removed)).toBeDefined();
});

test('when the work reads, then it sees what it wrote', async () => {
  const session = sampleSession();
  const seen = await opened.store.transaction(async (stores) => {
    const before = await stores.sessions.find(session.sessionId);
    await stores.sessions.insert(session);
    await stores.sessions.markStarted(session.sessionId);
    const after = await stores.sessions.find(session.sessionId);
    return [before?.state, after?.state];
  });
  expect(seen).toEqual([undefined, 'IN_PROGRESS']);
});

test('when a statement fails, then the whole work is undone', async () => {
  const { store } = opened;
  const { subject } = sampleErasure();
  await store.erasures.start(sampleErasure({ subject }));
  const session = sampleSession();
  const failing = store.transaction(async (stores) => {
    await stores.sessions.insert(session);
    await stores.erasures.start(sampleErasure({ subject }));
  });
  await expect(failing).rejects.toMatchObject({ code: 'INTERNAL' });
  expect(await store.sessions.find(session.sessionId)).toBeUndefined();
});

test('when many transactions end one session, then one does, and only its webhook and audit entry exist', async () => {
  const { store } = opened;
  const session = sampleSession();
  await store.sessions.insert(session);
  const rivals = Array.from({ length: 20 }, () => ({
    delivery: sampleDelivery({ sessionId: session.sessionId }),
    entry: samplePending(),
  }));
  const outcomes = await Promise.all(
    rivals.map(({ delivery, entry }) =>
      store.transaction(async (stores) => {
        const end = { state: 'SUCCESS', endedAtMs: NOW_MS } as const;
        const ended = await stores.sessions.end(session.sessionId, end);
        if (ended === undefined) return false;
        await stores.deliveries.insert(delivery);
        await stores.audit.append(entry);
        return true;
      }),
    ),
  );
  expect(outcomes.filter(Boolean)).toHaveLength(1);
  const winner = rivals[outcomes.indexOf(true)]!;
  const found = await store.deliveries.findBySession(session.sessionId);
  expect(found?.deliveryId).toBe(winner.delivery.deliveryId);
  const rivalLeaves = new Set(rivals.map(({ entry }) => entry.leaf));
  const logged = (await leaves()).filter((leaf) => rivalLeaves.has(leaf));
  expect(logged).toEqual([winner.entry.leaf]);
});

test('when many transactions read and replace one row, then no change is lost', async () => {
  const { store } = opened;
  const { tenantId } = sampleTenant();
  await store.access.insertTenant(sampleTenant({ tenantId }));
  await concurrently(10, (index) =>
    store.transaction(async (stores) => {
      const tenant = await stores.access.findTenant(tenantId);
      const frameOrigins = [...(tenant?.frameOrigins ?? []), `https://${index}.example`];
      await stores.access.replaceTenant(sampleTenant({ tenantId, frameOrigins }));
    }),
  );
  expect((await store.access.findTenant(tenantId))?.frameOrigins).toHaveLength(10);
});

test('when some of many transactions fail, then the others are not touched by it', async () => {
  const { store } = opened;
  const sessions = Array.from({ length: 20 }, () => sampleSession());
  const outcomes = await Promise.allSettled(
    sessions.map((session, index) =>
      store.transaction(async (stores) => {
        await stores.sessions.insert(session);
        if (index % 3 === 0) throw new Error('changed my mind');
      }),
    ),
  );
  for (const [index, { sessionId }] of sessions.entries()) {
    const isThere = (await store.sessions.find(sessionId)) !== undefined;
    expect([outcomes[index]?.status, isThere]).toEqual(
      index % 3 === 0 ? ['rejected', false] : ['fulfilled', true],
    );
  }
});

test('when a subject is created and erased at once, then both agree on who was first', async () => {
  const { store } = opened;
  const names = Array.from({ length: 10 }, () => sampleSubject());
  for (const subject of names) {
    const [, erasing] = await Promise.all([
      store.transaction(async (stores) => await stores.subjects.insert(subject)),
      store.transaction(async (stores) => await stores.subjects.beginErasure(subject)),
    ]);
    const found = await store.subjects.find(subject);
    expect(found?.state).toBe(erasing === undefined ? 'live' : 'erasing');
  }
});

test('when a key comes into use while the log is sequenced, then a run that moves its leaf sees the key', async () => {
  const { store } = opened;
  const generation = 5_000_000;
  const entry = samplePending();
  const seen: boolean[] = [];
  const sequence = () =>
    store.log.sequence(1, (state, pending) => {
      if (pending.some(({ entryId }) => entryId === entry.entryId)) {
        seen.push(state.keys.some((key) => key.generation === generation));
      }
      return sampleExtension(state, pending);
    });
  await Promise.all([
    store.transaction(async (stores) => {
      await stores.audit.append(entry);
      await stores.logKeys.insert({ generation, vkey: 'vkey', createdAtMs: NOW_MS });
    }),
    ...Array.from({ length: 5 }, sequence),
  ]);
  while ((await sequence()) > 0);
  expect(seen.length).toBeGreaterThan(0);
  expect(seen).not.toContain(false);
});
