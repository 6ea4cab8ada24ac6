import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { ServiceError } from '../../src/errors/service-error.js';
import type { Store } from '../../src/operations/unit-of-work.js';
import { openMongoStore } from '../../src/store/mongo/open.js';
import { type Database, openDatabase } from './database.js';
import {
  claim,
  client,
  completion,
  delivery,
  entry,
  erasure,
  extend,
  idempotencyUse,
  installation,
  logKey,
  session,
  subject,
  tenant,
} from './samples.js';

/** Two connections to one database are to it as two processes. */
let database: Database;
let stores: readonly Store[];

beforeAll(async () => {
  database = await openDatabase();
  stores = await Promise.all([1, 2].map(() => openMongoStore({ uri: database.uri })));
});

afterAll(async () => {
  for (const store of stores) await store.close();
  await database.drop();
});

beforeEach(async () => {
  await database.empty();
});

const RACERS = 8;

function process(racer: number): Store {
  const store = stores[racer % stores.length];
  if (store === undefined) throw new Error('no store is open');
  return store;
}

/** Many calls at once, by both processes in turn. */
function race<T>(call: (store: Store, racer: number) => Promise<T>): Promise<readonly T[]> {
  const racers = Array.from({ length: RACERS }, (_, racer) => racer);
  return Promise.all(racers.map((racer) => patiently(() => call(process(racer), racer))));
}

/** Racing inserts can keep a database in deadlocks for longer than a call waits: a 503 is asked again. */
async function patiently<T>(call: () => Promise<T>): Promise<T> {
  for (;;) {
    try {
      return await call();
    } catch (error) {
      if (!(error instanceof ServiceError && error.code === 'UNAVAILABLE')) throw error;
    }
  }
}

function count<T>(values: readonly T[], isCounted: (value: T) => boolean): number {
  return values.filter(isCounted).length;
}

const first = (): Store => process(0);
const isTrue = (value: boolean): boolean => value;
const isThere = (value: unknown): boolean => value !== undefined;

describe('when many race for one thing, then one of them gets it', () => {
  test('a tenant id', async () => {
    const won = await race(({ access }, racer) =>
      access.insertTenant({ ...tenant, displayName: racer.toString() }),
    );
    expect(count(won, isTrue)).toBe(1);
    expect((await first().access.findTenant(tenant.tenantId))?.displayName).toBe(
      won.indexOf(true).toString(),
    );
  });

  test('an API key', async () => {
    const won = await race(({ access }, racer) =>
      access.insertClient({ ...client, clientId: racer.toString() }),
    );
    expect(count(won, isTrue)).toBe(1);
  });

  test('the only use of a token', async () => {
    const token = { clientId: 'c', tokenId: 't', expiresAtMs: 1 };
    expect(count(await race(({ access }) => access.useToken(token)), isTrue)).toBe(1);
  });

  test('the only use of a token in a transaction', async () => {
    const token = { clientId: 'result of a session', tokenId: 't', expiresAtMs: 1 };
    const won = await race((store, racer) =>
      store.transaction(async ({ access }) => {
        const own = await access.useToken(token);
        if (own) await access.insertTenant({ ...tenant, tenantId: racer.toString() });
        return own;
      }),
    );
    expect(count(won, isTrue)).toBe(1);
    const kept = (await first().access.listTenants()).map(({ tenantId }) => tenantId);
    expect(kept).toEqual([won.indexOf(true).toString()]);
  });

  test('a session that ends', async () => {
    await first().sessions.insert(session);
    const ended = await race(({ sessions }, racer) =>
      sessions.end(session.sessionId, { state: 'SUCCESS', endedAtMs: racer }),
    );
    expect(count(ended, isThere)).toBe(1);
    const { endedAtMs } = ended.find(isThere) ?? {};
    expect(await first().sessions.find(session.sessionId)).toMatchObject({ endedAtMs });
  });

  test('a session that ends in a transaction', async () => {
    await first().sessions.insert(session);
    const ended = await race((store, racer) =>
      store.transaction(async ({ sessions, deliveries }) => {
        const end = { state: 'SUCCESS', endedAtMs: racer } as const;
        const own = await sessions.end(session.sessionId, end);
        if (own) await deliveries.insert({ ...delivery, deliveryId: racer.toString() });
        return own;
      }),
    );
    expect(count(ended, isThere)).toBe(1);
    const found = await first().deliveries.findBySession(session.sessionId);
    expect(found?.deliveryId).toBe(ended.findIndex(isThere).toString());
  });

  test('a uuid', async () => {
    const outcomes = await race(({ subjects }) => subjects.insert(subject));
    expect(count(outcomes, (outcome) => outcome === 'inserted')).toBe(1);
  });

  test('the beginning of an erasure', async () => {
    await first().subjects.insert(subject);
    const begun = await race(({ subjects }) => subjects.beginErasure(subject));
    expect(count(begun, isThere)).toBe(1);
  });

  test('the erasure that is under way', async () => {
    const started = await race(({ erasures }, racer) =>
      erasures.start({ ...erasure, erasureId: racer.toString() }).then(
        () => true,
        () => false,
      ),
    );
    expect(count(started, isTrue)).toBe(1);
  });

  test('the completion of an erasure', async () => {
    await first().erasures.start(erasure);
    const done = await race(({ erasures }, racer) =>
      erasures.complete(erasure.erasureId, { ...completion, completedAtMs: racer }),
    );
    expect(count(done, isTrue)).toBe(1);
  });

  test('a fresh Idempotency-Key, and one whose lease is over', async () => {
    const use = { ...idempotencyUse, fingerprint: 'f' };
    for (const nowMs of [1_000, 2_000, 3_000]) {
      const lease = { nowMs, leaseUntilMs: nowMs + 1_000 };
      const starts = await race(({ idempotency }) => idempotency.start({ ...use, ...lease }));
      expect(count(starts, ({ outcome }) => outcome === 'started')).toBe(1);
      expect(count(starts, ({ outcome }) => outcome === 'in-flight')).toBe(RACERS - 1);
    }
  });

  test('the installation', async () => {
    const standing = await race((store, racer) =>
      store.installation.insert({ ...installation, installationId: racer.toString() }),
    );
    expect(new Set(standing.map(({ installationId }) => installationId)).size).toBe(1);
  });

  test('a generation of the log key, which comes into use with its leaf', async () => {
    const won = await race((store, racer) =>
      store.transaction(async ({ logKeys, audit }) => {
        const known = await logKeys.list();
        if (known.length > 0) return false;
        const isInserted = await logKeys.insert({ ...logKey, vkey: racer.toString() });
        if (isInserted) await audit.append(entry(racer));
        return isInserted;
      }),
    );
    expect(count(won, isTrue)).toBe(1);
    const [key] = await first().logKeys.list();
    expect(key?.vkey).toBe(won.indexOf(true).toString());
    expect(await first().log.sequence(RACERS, extend)).toBe(1);
  });

  test('the end of a leased attempt', async () => {
    await first().deliveries.insert(delivery);
    const [leased] = (await first().deliveries.claim(claim)).leased;
    if (leased === undefined) throw new Error('nothing was leased');
    const attempt = { atMs: 1, durationMs: 1, outcome: '200' };
    const result = { attempt, attemptLog: [attempt], next: { state: 'delivered' } } as const;
    const finished = await race(({ deliveries }) => deliveries.finishAttempt(leased, result));
    expect(count(finished, isTrue)).toBe(1);
    const found = await first().deliveries.findBySession(delivery.sessionId);
    expect(found).toMatchObject({ attempts: 1, state: 'delivered' });
  });
});

test('when many workers claim deliveries, then each delivery has one holder and none is left', async () => {
  const ids = Array.from({ length: 40 }, (_, number) => `delivery-${number.toString()}`);
  for (const id of ids) {
    await first().deliveries.insert({ ...delivery, deliveryId: id, sessionId: id });
  }
  const held: string[] = [];
  await race(async ({ deliveries }) => {
    for (;;) {
      const { leased } = await deliveries.claim({ ...claim, limit: 3 });
      expect(leased.length).toBeLessThanOrEqual(3);
      if (leased.length === 0) return;
      held.push(...leased.map((lease) => lease.delivery.deliveryId));
    }
  });
  expect(held.sort()).toEqual([...ids].sort());
});

test('when many processes append and sequence at once, then the log is one and has all entries once', async () => {
  const total = RACERS * 5;
  const appending = race(async ({ audit }, racer) => {
    for (let number = 0; number < 5; number++) await audit.append(entry(racer * 5 + number));
  });
  const sequencing = [...stores, ...stores].map(async ({ log }) => {
    for (let round = 0; round < 10; round++) await log.sequence(3, extend);
  });
  await Promise.all([appending, ...sequencing]);
  while ((await first().log.sequence(50, extend)) > 0);

  const { log } = first();
  const segments = await log.readSegments(0, total + 1);
  const leaves = segments.flatMap(({ bundle }) => Buffer.from(bundle).toString().split('\n'));
  expect(new Set(leaves).size).toBe(total);
  expect(leaves).toHaveLength(total);
  for (const [index, { start, size, checkpoint }] of segments.entries()) {
    expect(start).toBe(segments[index - 1]?.size ?? 0);
    expect(checkpoint.split('\n')).toEqual(['log', ...leaves.slice(0, size)]);
  }
  expect((await log.head())?.size).toBe(total);
  for (let number = 0; number < total; number++) {
    const { entryId, leaf } = entry(number);
    expect(await log.findIndex(entryId)).toBe(leaves.indexOf(leaf));
  }
  const nodes = await log.readNodes({ level: 1, index: 0 }, total + 1);
  expect(nodes.map(({ index }) => index)).toEqual([...leaves.keys()]);
});

test('when many change one tenant in transactions, then no change is lost', async () => {
  await first().access.insertTenant({ ...tenant, frameOrigins: [] });
  await race((store, racer) =>
    store.transaction(async ({ access }) => {
      const found = await access.findTenant(tenant.tenantId);
      const origins = [...(found?.frameOrigins ?? []), racer.toString()];
      await access.replaceTenant({ ...tenant, frameOrigins: origins });
    }),
  );
  const found = await first().access.findTenant(tenant.tenantId);
  expect(found?.frameOrigins).toHaveLength(RACERS);
});

test('when a subject is erased while a transaction rests on it, then one waits for the other', async () => {
  for (let round = 0; round < 10; round++) {
    await database.empty();
    await first().subjects.insert(subject);
    await first().sessions.insert({ ...session, type: 'SIGN-IN' });
    await Promise.all([
      stores[0]?.transaction(async ({ subjects, sessions }) => {
        const found = await subjects.find(subject);
        const uuid = found?.state === 'live' ? found.uuid : null;
        await sessions.end(session.sessionId, { state: 'SUCCESS', endedAtMs: 1, uuid });
      }),
      stores[1]?.transaction(async ({ subjects, sessions }) => {
        await subjects.beginErasure(subject);
        await sessions.forgetSubject(subject);
        await subjects.remove(subject);
      }),
    ]);
    expect(await first().sessions.find(session.sessionId)).not.toHaveProperty('uuid');
  }
});

test('when a transaction fails, then nothing of it stays', async () => {
  const before = await database.rows();
  const failing = first().transaction(async ({ sessions, subjects }) => {
    await sessions.insert(session);
    await subjects.insert(subject);
    throw new Error('no');
  });
  await expect(failing).rejects.toThrow('no');
  expect(await database.rows()).toEqual(before);
});

test('when calls of a transaction are made at once, then they take their turn', async () => {
  const { outcome, found } = await first().transaction(async ({ sessions, subjects }) => {
    const [, result] = await Promise.all([sessions.insert(session), subjects.insert(subject)]);
    return { outcome: result, found: await sessions.find(session.sessionId) };
  });
  expect(outcome).toBe('inserted');
  expect(found).toEqual(session);
});
