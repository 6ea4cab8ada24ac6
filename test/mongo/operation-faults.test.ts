import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { decodeJwt } from 'jose';
import { testDatabase } from '../support/database.js';
import { face } from '../support/embeddings.js';
import { type FailPoints, type Fault, openFailPoints } from '../support/fail-points.js';
import { eventually, type TestAnswer, TestLethe, type TestTenant } from '../support/lethe.js';
import { reviewed } from '../support/reviewed.js';

const FAULTS: readonly Fault[] = ['closed', 112, 11_000];
/** What carries the writes of operations and workers. */
const COMMANDS = ['insert', 'update', 'delete', 'findAndModify', 'commitTransaction', 'bulkWrite'];

let database: Awaited<ReturnType<typeof testDatabase>>;
let failPoints: FailPoints;
let lethe: TestLethe;
let tenant: TestTenant;
let count = 0;

beforeAll(async () => {
  database = await testDatabase();
  failPoints = await openFailPoints(database.mongodbUri ?? '');
  lethe = await TestLethe.start({
    env: { MONGODB_URI: failPoints.uri, DELETE_RATE_LIMIT: '1000' },
  });
  tenant = await lethe.tenant();
});
afterAll(async () => {
  await lethe.close();
  await failPoints.close();
  await database.drop();
});

/** An operation, what must be there for it, and whether the subject lives afterwards. */
interface Scenario {
  readonly given: (uuid: string) => Promise<unknown>;
  readonly act: (uuid: string, given: unknown) => Promise<TestAnswer>;
  readonly status: number;
  readonly isAlive: boolean;
  readonly endsSession: boolean;
}

const nothing = () => Promise.resolve();
const enrolled = async (uuid: string) => await lethe.enroll(tenant, uuid, face(uuid));
const opened = (type: string) => async (uuid: string) => {
  if (type !== 'ENROLL') await enrolled(uuid);
  return (await lethe.create(tenant, { type, uuid })).body['sessionId'];
};

const SCENARIOS: Readonly<Record<string, Scenario>> = {
  'ENROLL creates a session': {
    given: nothing,
    act: (uuid) => lethe.create(tenant, { type: 'ENROLL', uuid }),
    status: 201,
    isAlive: false,
    endsSession: false,
  },
  'ENROLL takes a template': {
    given: opened('ENROLL'),
    act: (uuid, sessionId) => lethe.submit(sessionId, 'enroll', face(uuid)),
    status: 200,
    isAlive: true,
    endsSession: true,
  },
  'VERIFY creates a session': {
    given: enrolled,
    act: (uuid) => lethe.create(tenant, { type: 'VERIFY', uuid }),
    status: 201,
    isAlive: true,
    endsSession: false,
  },
  'VERIFY compares': {
    given: opened('VERIFY'),
    act: (uuid, sessionId) => lethe.submit(sessionId, 'verify', face(uuid)),
    status: 200,
    isAlive: true,
    endsSession: true,
  },
  'SIGN-IN searches': {
    given: opened('SIGN-IN'),
    act: (uuid, sessionId) => lethe.submit(sessionId, 'sign-in', face(uuid)),
    status: 200,
    isAlive: true,
    endsSession: true,
  },
  'a session is canceled': {
    given: opened('VERIFY'),
    act: (_uuid, sessionId) =>
      lethe.call('POST', `/v2/verification-session/${String(sessionId)}/cancel`, {
        headers: tenant.credentials,
      }),
    status: 200,
    isAlive: true,
    endsSession: true,
  },
  'a result is redeemed': {
    given: async (uuid) => {
      const path = `/launch/${await enrolled(uuid)}/return`;
      const location = (await lethe.call('GET', path)).headers.get('location') ?? '';
      return new URL(location).searchParams.get('result');
    },
    act: (_uuid, result) => {
      const { sid } = decodeJwt(String(result));
      const path = `/v2/verification-session/${String(sid)}/result`;
      return lethe.call('POST', path, { headers: tenant.credentials, body: { result } });
    },
    status: 200,
    isAlive: true,
    endsSession: false,
  },
  DELETE: {
    given: enrolled,
    act: (uuid) => lethe.create(tenant, { type: 'DELETE', uuid }),
    status: 200,
    isAlive: false,
    endsSession: true,
  },
  'DELETE with an Idempotency-Key': {
    given: enrolled,
    act: (uuid) => lethe.create(tenant, { type: 'DELETE', uuid }, { 'idempotency-key': uuid }),
    status: 200,
    isAlive: false,
    endsSession: true,
  },
};

describe.each(Object.entries(SCENARIOS))('when a write fails once while %s', (_name, scenario) => {
  test.each(COMMANDS.flatMap((command) => FAULTS.map((fault) => [command, fault] as const)))(
    'by %s: %s, then it happens all the same, once',
    async (command, fault) => {
      count += 1;
      const uuid = `subject-${String(count)}`;
      const given = await scenario.given(uuid);
      failPoints.arm({ commands: [command], fault, times: 1 });
      const answer = await scenario.act(uuid, given);
      expect([answer.status, answer.body]).toEqual([scenario.status, expect.anything()]);
      if (scenario.endsSession) await expectOneEnd(String(answer.body['sessionId'] ?? given));
      failPoints.disarm();
      const subject = await lethe.context.store.subjects.find({ tenantId: tenant.tenantId, uuid });
      expect(subject?.state).toBe(scenario.isAlive ? 'live' : undefined);
      if (subject !== undefined) {
        expect(await lethe.context.vault.exist([subject.enrolment.keyId])).toEqual([true]);
      }
    },
    30_000,
  );
});

/** One webhook under one id, and one leaf in the log. */
async function expectOneEnd(sessionId: string): Promise<void> {
  await lethe.webhook(sessionId);
  const copies = lethe.receiver.received.filter(({ body }) => body.includes(sessionId));
  expect(new Set(copies.map(({ headers }) => headers['webhook-id'])).size).toBe(1);
  const entries = await eventually(async () => {
    const entries = await reviewed(lethe.context, { tenantId: tenant.tenantId, limit: 40 });
    const found = entries.filter((entry) => entry.sessionId === sessionId);
    return found.length > 0 ? found : undefined;
  });
  expect(entries).toHaveLength(1);
}
