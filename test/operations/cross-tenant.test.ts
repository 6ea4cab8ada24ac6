import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { encoded, face } from '../support/embeddings.js';
import { type TestAnswer, TestLethe, type TestTenant } from '../support/lethe.js';
import { everythingStored } from '../support/snapshot.js';

const UNKNOWN_SESSION = '00000000-0000-4000-8000-000000000000';

let lethe: TestLethe;
let victim: TestTenant;
let intruder: TestTenant;
let openId: string;
let endedId: string;

beforeAll(async () => {
  lethe = await TestLethe.start({ env: { DELETE_RATE_LIMIT: '1000' } });
  victim = await lethe.tenant({ displayName: 'Victim' });
  intruder = await lethe.tenant({ displayName: 'Intruder' });
  endedId = await lethe.enroll(victim, 'ada', face('ada'));
  const { body } = await lethe.create(victim, { type: 'VERIFY', uuid: 'ada' });
  openId = String(body['sessionId']);
  await lethe.webhook(endedId);
});
afterAll(async () => {
  await lethe.close();
});

const pathOf = (sessionId: string, tail = '') => `/v2/verification-session/${sessionId}${tail}`;

/** All that the victim has: what the store shows of it, and its sessions with their deliveries. */
async function victimsState() {
  const { store } = lethe.context;
  const sessions = [];
  for (const sessionId of [openId, endedId]) {
    sessions.push(await store.sessions.find(sessionId));
    sessions.push(await store.deliveries.findBySession(sessionId));
  }
  return { ...(await everythingStored(lethe.context, victim.tenantId)), sessions };
}

function expectAlike(foreign: TestAnswer, unknown: TestAnswer): void {
  expect(foreign.status).toBe(unknown.status);
  expect({ ...foreign.body, requestId: '' }).toEqual({ ...unknown.body, requestId: '' });
  expect([...foreign.headers.keys()].sort()).toEqual([...unknown.headers.keys()].sort());
}

describe('sessions of another tenant', () => {
  test.each([
    ['GET', ''],
    ['GET', '/webhook'],
    ['GET', '/webhook-payload'],
    ['POST', '/cancel'],
  ])(
    'when %s …%s asks for one, open or ended, then it is as if there was none',
    async (method, tail) => {
      const before = await victimsState();
      const ask = async (sessionId: string) =>
        await lethe.call(method, pathOf(sessionId, tail), { headers: intruder.credentials });
      const unknown = await ask(UNKNOWN_SESSION);
      expect([unknown.status, unknown.body['code']]).toEqual([404, 'SESSION_NOT_FOUND']);
      expectAlike(await ask(openId), unknown);
      expectAlike(await ask(endedId), unknown);
      expect(await victimsState()).toEqual(before);
    },
  );

  test('when a cancel is repeated with one Idempotency-Key, then nothing of the owner comes back', async () => {
    const key = { 'idempotency-key': 'shared-key' };
    const { body } = await lethe.create(victim, { type: 'SIGN-IN' });
    const path = pathOf(String(body['sessionId']), '/cancel');
    const own = await lethe.call('POST', path, { headers: { ...victim.credentials, ...key } });
    expect(own.status).toBe(200);
    const foreign = await lethe.call('POST', path, {
      headers: { ...intruder.credentials, ...key },
    });
    expect([foreign.status, foreign.body['code']]).toEqual([404, 'SESSION_NOT_FOUND']);
  });

  test('when a nonce of an own session is sent into a foreign one, then it is refused and the session goes on', async () => {
    await lethe.enroll(intruder, 'own', face('own'));
    const { body } = await lethe.create(intruder, { type: 'VERIFY', uuid: 'own' });
    const own = await lethe.call('GET', pathOf(String(body['sessionId'])));
    const { nonce } = own.body['challenge'] as { nonce: string };
    const before = await victimsState();
    const template = { model: 'dlib-resnet-v1', embedding: encoded(face('ada')), nonce };
    const answer = await lethe.call('POST', pathOf(openId, '/verify'), {
      headers: intruder.credentials,
      body: template,
    });
    expect([answer.status, answer.body['code']]).toEqual([403, 'CHALLENGE_FAILED']);
    expect(await victimsState()).toEqual(before);
  });
});

describe('subjects of another tenant', () => {
  test.each(['VERIFY', 'DELETE'])(
    'when %s names one, then the answer is that for somebody unknown, and nothing happens',
    async (type) => {
      const before = await victimsState();
      const foreign = await lethe.create(intruder, { type, uuid: 'ada' });
      const unknown = await lethe.create(intruder, { type, uuid: 'nobody-at-all' });
      expect([unknown.status, unknown.body['code']]).toEqual([404, 'SUBJECT_NOT_FOUND']);
      expectAlike(foreign, unknown);
      expect(await victimsState()).toEqual(before);
    },
  );

  test('when ENROLL names one, then another subject comes to be, and each can be erased alone', async () => {
    const before = await victimsState();
    await lethe.enroll(intruder, 'ada', face('intruder'));
    expect(await lethe.verifies(intruder, 'ada', face('ada'))).toBe(false);
    expect((await lethe.create(intruder, { type: 'DELETE', uuid: 'ada' })).status).toBe(200);
    expect(await victimsState()).toEqual(before);
    expect(await lethe.verifies(victim, 'ada', face('ada'))).toBe(true);
    expect(await lethe.verifies(victim, 'ada', face('intruder'))).toBe(false);
  });

  test('when a foreign face signs in, then it is a stranger', async () => {
    const { body } = await lethe.create(intruder, { type: 'SIGN-IN' });
    const answer = await lethe.submit(body['sessionId'], 'sign-in', face('ada'));
    expect(answer.body['success']).toBe(false);
    expect(JSON.stringify(await lethe.webhook(body['sessionId']))).not.toContain('"ada"');
  });

  test('when the owner has erased one, then its DELETE is still unknown to another tenant', async () => {
    await lethe.enroll(victim, 'erased', face('erased'));
    expect((await lethe.create(victim, { type: 'DELETE', uuid: 'erased' })).status).toBe(200);
    const foreign = await lethe.create(intruder, { type: 'DELETE', uuid: 'erased' });
    const unknown = await lethe.create(intruder, { type: 'DELETE', uuid: 'never-there' });
    expectAlike(foreign, unknown);
  });
});

describe('credentials of two tenants', () => {
  test.each(['x_api_key', 'clientID', 'clientSecret'] as const)(
    'when %s is the other tenant’s, then the request is refused and nothing happens',
    async (name) => {
      const before = await victimsState();
      const mixed = {
        ...victim,
        credentials: { ...victim.credentials, [name]: intruder.credentials[name] },
      };
      for (const type of ['DELETE', 'VERIFY'])
        expect((await lethe.create(mixed, { type, uuid: 'ada' })).status).toBe(401);
      expect(await victimsState()).toEqual(before);
    },
  );

  test('when one tenant uses up its deletions of a name, then the other one’s are not counted', async () => {
    const limited = await TestLethe.start({ env: { DELETE_RATE_LIMIT: '2' } });
    try {
      const [first, second] = [await limited.tenant(), await limited.tenant()];
      const erase = async (tenant: TestTenant) =>
        (await limited.create(tenant, { type: 'DELETE', uuid: 'same' })).status;
      expect([await erase(first), await erase(first), await erase(first)]).toEqual([404, 404, 429]);
      expect(await erase(second)).toBe(404);
    } finally {
      await limited.close();
    }
  });
});
