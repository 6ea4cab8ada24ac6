import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import type { Store, Stores } from '../../src/operations/unit-of-work.js';
import { openMongoStore } from '../../src/store/mongo/open.js';
import { type FailPoints, type Fault, openFailPoints } from '../support/fail-points.js';
import { CALLS, type Call, READS } from './calls.js';
import { type Database, openDatabase } from './database.js';
import { DIRECT_CALLS } from './direct-calls.js';
import { entry, session } from './samples.js';

let database: Database;
let failPoints: FailPoints;
let store: Store;

beforeAll(async () => {
  database = await openDatabase();
  failPoints = await openFailPoints(database.uri);
  store = await openMongoStore({ uri: failPoints.uri });
});

afterAll(async () => {
  await store.close();
  await failPoints.close();
  await database.drop();
});

beforeEach(async () => {
  await database.empty();
});

/** Commands that carry no work of a call. */
const OF_THE_DRIVER = [
  'hello',
  'isMaster',
  'ismaster',
  'ping',
  'endSessions',
  'abortTransaction',
  '',
];
/** The driver itself repeats a lost command once; what fails thrice reaches the store. */
const FAULTS: readonly { readonly fault: Fault; readonly times: number }[] = [
  { fault: 'closed', times: 1 },
  { fault: 'closed', times: 3 },
  { fault: 'reply lost', times: 1 },
  { fault: 'reply lost', times: 3 },
  { fault: 112, times: 1 },
  { fault: 11_000, times: 1 },
];

/** Runs a call undisturbed, then with each of its commands failing in each way: nothing may differ. */
async function endure({ given, call }: Call<Store>): Promise<void> {
  await given?.(store);
  failPoints.takeCommands();
  const returned = await call(store);
  const rows = await database.rows();
  const commands = failPoints.takeCommands().filter((name) => !OF_THE_DRIVER.includes(name));

  for (const command of commands) {
    for (const { fault, times } of FAULTS) {
      await database.empty();
      await given?.(store);
      failPoints.arm({ commands: [command], fault, times });
      const outcome = await call(store);
      const isHit = failPoints.disarm() > 0;
      const disturbed = { command, fault, times, isHit, outcome, rows: await database.rows() };
      expect(disturbed).toEqual({ ...disturbed, isHit: true, outcome: returned, rows });
    }
  }
  expect(commands.length).toBeGreaterThan(0);
}

describe('when a command of a call fails, then the call repeats it and its effect is there once', () => {
  const direct = Object.entries<Call<Store>>({ ...CALLS, ...DIRECT_CALLS });
  test.each(direct)('%s', async (_name, row) => {
    await endure(row);
  });
});

describe('when a command of a transaction fails, then the transaction is repeated and its effect is there once', () => {
  test.each(Object.entries(CALLS))('%s', async (_name, { given, call }) => {
    const inside: Call<Store> = { call: (on) => on.transaction((stores: Stores) => call(stores)) };
    await endure(given ? { ...inside, given } : inside);
  });
});

test('when the work of a transaction catches the failure of a store, then the transaction is repeated all the same', async () => {
  failPoints.arm({ commands: ['insert'], fault: 112, times: 1 });
  await store.transaction(async ({ sessions, audit }) => {
    await sessions.insert(session).catch(() => undefined);
    await audit.append(entry(1)).catch(() => undefined);
  });
  expect(failPoints.disarm()).toBe(1);
  expect(await store.sessions.find(session.sessionId)).toEqual(session);
});

test('when a failure does not pass, then the call ends with UNAVAILABLE and nothing is there', async () => {
  failPoints.arm({ commands: ['insert', 'ping'], fault: 112, times: 1_000_000 });
  const calls = [
    store.sessions.insert(session),
    store.transaction(({ sessions }) => sessions.insert(session)),
    store.ping(),
  ];
  const outcomes = await Promise.allSettled(calls);
  failPoints.disarm();
  for (const outcome of outcomes) {
    expect(outcome).toMatchObject({ reason: { code: 'UNAVAILABLE', retryAfterSeconds: 5 } });
  }
  expect(await store.sessions.find(session.sessionId)).toBeUndefined();
});

test('when a port gains a method, then it has its place among the calls or the reads', () => {
  const { trees, ...ports } = store;
  const tree = trees.of('root') as unknown as Record<string, unknown>;
  const ofTree = Object.keys(tree).filter((name) => typeof tree[name] === 'function');
  const methods = Object.entries(ports)
    .flatMap(([name, port]) =>
      typeof port === 'function' ? [name] : Object.keys(port).map((method) => `${name}.${method}`),
    )
    .concat(['rootIds', ...ofTree].map((method) => `trees.${method}`));
  const called = [...Object.keys(CALLS), ...Object.keys(DIRECT_CALLS)];
  const known = new Set([...called.map((name) => name.split(' ')[0]), ...READS]);
  expect([...known].sort()).toEqual([...methods].sort());
});
