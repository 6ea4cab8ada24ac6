import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, jest, test } from '@jest/globals';
import Database from 'better-sqlite3';
import { afterFailure } from '../../src/callbacks/destination-health.js';
import type { Store } from '../../src/operations/unit-of-work.js';
import { openSqliteStore } from '../../src/store/sqlite/open.js';
import {
  NOW_MS,
  sampleBucketKey,
  sampleClient,
  sampleCompletion,
  sampleDelivery,
  sampleErasure,
  sampleExtension,
  sampleNode,
  samplePending,
  sampleReview,
  sampleSession,
  sampleSubject,
  sampleTenant,
} from '../contract/samples.js';

/** Statements that read a whole table, in the order of its key, because that is their purpose. */
const MAY_SCAN = [
  'FROM tenants ORDER BY tenantId',
  'FROM pendingEntries ORDER BY entryId LIMIT',
  'FROM logKeys ORDER BY generation',
  'FROM bucketKeys ORDER BY bucket',
  'FROM keyRoots ORDER BY rootId',
  'FROM reflectedRoots ORDER BY rootId',
  'FROM destinations ORDER BY tenantId, origin',
];

/** Statements that sort, because the rows that they sort are few: erasures of a subject, events of a session. */
const MAY_SORT = [
  'FROM erasures WHERE tenantId = ? AND subject = ?',
  'FROM deliveries WHERE +tenantId = ?',
];

const dataDir = mkdtempSync(join(tmpdir(), 'lethe-plan-'));
const prepared = jest.spyOn(Database.prototype, 'prepare');
let store: Store;

beforeAll(async () => {
  store = await openSqliteStore({ dataDir });
});

afterAll(async () => {
  await store.close();
  rmSync(dataDir, { recursive: true, force: true });
});

type Calls<T> = { readonly [K in keyof T]: () => Promise<unknown> };

/** A call of every method of every store; the compiler misses none. */
function everyCall(): {
  readonly [K in Exclude<keyof Store, 'transaction' | 'ping' | 'close'>]: Calls<Store[K]>;
} {
  const { access, sessions, idempotency, subjects, erasures, reviews, log } = store;
  const { deliveries, destinations } = store;
  const tree = store.trees.of('root');
  const name = { tenantId: 'tenant', uuid: 'uuid' };
  const use = { scope: 'scope', key: 'key' };
  const delivery = sampleDelivery();
  const destination = { tenantId: 'tenant', origin: 'https://receiver.example' };
  return {
    access: {
      insertTenant: () => access.insertTenant(sampleTenant()),
      findTenant: () => access.findTenant('tenant'),
      replaceTenant: () => access.replaceTenant(sampleTenant()),
      listTenants: () => access.listTenants(),
      insertClient: () => access.insertClient(sampleClient()),
      findClient: () => access.findClient('client'),
      findClientByApiKey: () => access.findClientByApiKey('digest'),
      replaceClient: () => access.replaceClient(sampleClient()),
      listClients: () => access.listClients('tenant'),
      useToken: () => access.useToken({ clientId: 'client', tokenId: 'token', expiresAtMs: 1 }),
      removeExpiredTokens: () => access.removeExpiredTokens(NOW_MS, 10),
    },
    sessions: {
      insert: () => sessions.insert(sampleSession()),
      find: () => sessions.find('session'),
      markStarted: () => sessions.markStarted('session'),
      end: () => sessions.end('session', { state: 'FAILED', endedAtMs: NOW_MS }),
      findExpired: () => sessions.findExpired(NOW_MS, 10),
      findOpenOfSubject: () => sessions.findOpenOfSubject(name),
      findOpenOfErasure: () => sessions.findOpenOfErasure('erasure'),
      forgetSubject: () => sessions.forgetSubject(name),
      removeEndedBefore: () => sessions.removeEndedBefore(NOW_MS, 10),
    },
    idempotency: {
      start: () => idempotency.start({ ...use, fingerprint: '', nowMs: 1, leaseUntilMs: 2 }),
      finish: () =>
        idempotency.finish({
          ...use,
          answer: { status: 200, sealedBody: new Uint8Array() },
          expiresAtMs: 3,
        }),
      abandon: () => idempotency.abandon(use),
      removeExpired: () => idempotency.removeExpired(NOW_MS, 10),
    },
    subjects: {
      find: () => subjects.find(name),
      insert: () => subjects.insert(sampleSubject()),
      beginErasure: () => subjects.beginErasure(name),
      remove: () => subjects.remove(name),
      scan: () => subjects.scan({ tenantId: 'tenant', model: 'model', afterUuid: '', limit: 10 }),
      scanAll: () => subjects.scanAll({ after: undefined, limit: 10 }),
      count: () => subjects.count('tenant'),
    },
    erasures: {
      start: () => erasures.start(sampleErasure()),
      find: () => erasures.find('erasure'),
      findLatest: () => erasures.findLatest({ tenantId: 'tenant', subject: 'subject' }),
      complete: () => erasures.complete('erasure', sampleCompletion()),
      findUnfinished: () => erasures.findUnfinished(10),
      removeOfBucket: () => erasures.removeOfBucket('bucket', 10),
    },
    deliveries: {
      insert: () => deliveries.insert(delivery),
      findBySession: () => deliveries.findBySession('session'),
      find: () => deliveries.find('delivery'),
      supersede: () => deliveries.supersede({ sessionId: 'session', nowMs: NOW_MS }),
      list: async () => {
        await deliveries.list({ filter: { tenantId: 'tenant' }, limit: 10 });
        const filter = { tenantId: 'tenant', state: 'failed' } as const;
        await deliveries.list({ filter, beforeDeliveryId: 'f', limit: 10 });
        const ofSession = { tenantId: 'tenant', sessionId: 'session' };
        await deliveries.list({ filter: ofSession, limit: 10 });
        await deliveries.list({ filter: ofSession, beforeDeliveryId: 'f', limit: 10 });
      },
      listQueues: () => deliveries.listQueues(),
      claim: () =>
        deliveries.claim({
          destination: delivery,
          nowMs: NOW_MS,
          leaseUntilMs: NOW_MS + 1,
          limit: 10,
          expedited: [delivery.deliveryId],
        }),
      finishAttempt: () =>
        deliveries.finishAttempt(
          { delivery, leaseId: 'lease' },
          {
            attempt: { atMs: NOW_MS, durationMs: 1, outcome: '200' },
            attemptLog: [],
            next: { state: 'delivered' },
          },
        ),
      giveBack: () => deliveries.giveBack([{ delivery, leaseId: 'lease' }]),
      releaseLeases: () => store.deliveries.releaseLeases(),
      replay: () =>
        deliveries.replay({ tenantId: 'tenant', deliveryId: 'delivery', nowMs: NOW_MS }),
      removeOfSessions: () => deliveries.removeOfSessions(['session']),
      removeCreatedBefore: () => deliveries.removeCreatedBefore(NOW_MS, 10),
    },
    destinations: {
      list: async () => {
        await destinations.list();
        await destinations.list('tenant');
      },
      update: () =>
        destinations.update(destination, (before) =>
          afterFailure(before, { ...destination, atMs: NOW_MS, outcome: '500' }),
        ),
      recordSuccess: () => destinations.recordSuccess(destination),
      disable: () => destinations.disable({ ...destination, atMs: NOW_MS, because: 'GONE' }),
      enable: () => destinations.enable(destination),
      removeQuietSince: () => destinations.removeQuietSince(NOW_MS, 10),
    },
    audit: {
      append: () => {
        const pending = samplePending();
        const review = sampleReview({ entryId: pending.entryId });
        return store.audit.append({ ...pending, review });
      },
    },
    logKeys: {
      list: () => store.logKeys.list(),
      insert: () => store.logKeys.insert({ generation: 1, vkey: 'vkey', createdAtMs: NOW_MS }),
      retire: () => store.logKeys.retire(1, NOW_MS),
    },
    reviews: {
      list: () => reviews.list({ tenantId: 'tenant', beforeEntryId: 'f', limit: 10 }),
      removeBucket: () => reviews.removeBucket('bucket', 10),
    },
    bucketKeys: {
      list: () => store.bucketKeys.list(),
      insert: () => store.bucketKeys.insert(sampleBucketKey()),
      remove: () => store.bucketKeys.remove('bucket'),
    },
    trees: {
      rootIds: () => store.trees.rootIds(),
      of: async () => {
        const node = sampleNode();
        await tree.claim('owner');
        await tree.commit(
          {
            written: [node],
            resealed: [{ ...node, revision: 1 }],
            namedTrees: [{ tree: 1, scope: 'tenant/t' }],
            removedTrees: [1],
          },
          'owner',
        );
        await tree.find([node]);
        await tree.upperNodes();
        await tree.leavesWithRoom();
        await tree.trees();
        await tree.rootEpoch();
        await tree.removeUncommitted(1, 'owner');
        await tree.release('owner');
      },
    },
    reflectedRoots: {
      list: () => store.reflectedRoots.list(),
      reflect: () => store.reflectedRoots.reflect({ rootId: 'root', epoch: 1 }),
    },
    log: {
      sequence: () =>
        log.sequence(10, (state, pending) => {
          const { segment } = sampleExtension(state, pending);
          return { segment, nodes: [{ level: 1, index: 0, hash: new Uint8Array(32) }] };
        }),
      head: () => log.head(),
      findIndex: () => log.findIndex(samplePending().entryId),
      findCheckpoint: () => log.findCheckpoint(0),
      readSegments: () => log.readSegments(0, 10),
      readNodes: () => log.readNodes({ level: 1, index: 0 }, 10),
      forgetEntriesBefore: () => log.forgetEntriesBefore(NOW_MS, 10),
      addCosignature: () => log.addCosignature({ size: 1, witness: 'witness', line: 'line' }),
      readCosignatures: () => log.readCosignatures(0, 10),
      findLargestCosigned: () => log.findLargestCosigned(),
    },
    installation: {
      find: () => store.installation.find(),
      insert: () =>
        store.installation.insert({
          installationId: '',
          serviceKeyCheck: '',
          sealedPayloadKey: new Uint8Array(),
          createdAtMs: NOW_MS,
        }),
    },
  };
}

test('when any method of any store is called, then its statements search an index', async () => {
  prepared.mockClear();
  for (const calls of Object.values(everyCall())) {
    for (const call of Object.values(calls)) await call();
  }
  const texts = [...new Set(prepared.mock.calls.map(([text]) => text))].filter((text) =>
    /^\s*(SELECT|INSERT|UPDATE|DELETE)/.test(text),
  );
  expect(texts.length).toBeGreaterThan(50);

  const database = new Database(join(dataDir, 'lethe.db'), { readonly: true });
  const planOf = (text: string): string[] => {
    const parameters = Array<null>(text.split('?').length - 1).fill(null);
    const plan = database.prepare(`EXPLAIN QUERY PLAN ${text}`).all(parameters);
    return plan.map((step) => (step as { detail: string }).detail);
  };
  const slow = texts.flatMap((text) =>
    planOf(text)
      .filter((detail) => isSlow(detail, text))
      .map((detail) => `${detail}: ${text}`),
  );
  const ofSession = texts.filter((text) => text.includes('WHERE +tenantId = ?')).map(planOf);
  database.close();
  expect(slow).toEqual([]);
  // Searching by the tenant would pass over all that it ever sent.
  expect(ofSession.map(([search]) => search)).toEqual([
    expect.stringContaining('(sessionId=?)'),
    expect.stringContaining('(sessionId=?)'),
  ]);
});

/** A scan of an index is quick only where the index holds nothing but the rows that are wanted. */
function isSlow(detail: string, text: string): boolean {
  const isAny = (exceptions: string[]): boolean => exceptions.some((part) => text.includes(part));
  if (detail.startsWith('SCAN CONSTANT ROW')) return false;
  if (
    detail.startsWith('SCAN') &&
    !/USING (COVERING )?INDEX (free|leased|unfinished)/.test(detail)
  ) {
    return !isAny(MAY_SCAN);
  }
  return detail.includes('TEMP B-TREE FOR ORDER BY') && !isAny(MAY_SORT);
}
