import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { createClient } from '../../src/access/clients.js';
import { DAY_MS } from '../../src/lib/clock.js';
import { face } from '../support/embeddings.js';
import { type TestAnswer, TestLethe, type TestTenant } from '../support/lethe.js';

let lethe: TestLethe;
let tenant: TestTenant;
let keys = 0;

beforeAll(async () => {
  lethe = await TestLethe.start({ env: { DELETE_RATE_LIMIT: '1000' } });
  tenant = await lethe.tenant();
});
afterAll(async () => {
  await lethe.close();
});

function freshKey(): { 'idempotency-key': string } {
  keys += 1;
  return { 'idempotency-key': `key-${String(keys)}` };
}

const sessionIdOf = ({ body }: TestAnswer) => String(body['sessionId']);

describe('an Idempotency-Key', () => {
  test.each(['ENROLL', 'SIGN-IN'])(
    'when %s is repeated with it, then the answer is the first one and there is one session',
    async (type) => {
      const key = freshKey();
      const first = await lethe.create(tenant, { type }, key);
      const second = await lethe.create(tenant, { type }, key);
      expect([first.status, second.status]).toEqual([201, 201]);
      expect(second.body).toEqual(first.body);
    },
  );

  test('when a request comes many times at once, then each gets the one answer or is told to wait', async () => {
    const key = freshKey();
    const answers = await Promise.all(
      Array.from({ length: 12 }, () => lethe.create(tenant, { type: 'ENROLL' }, key)),
    );
    const good = answers.filter(({ status }) => status === 201);
    const waiting = answers.filter(({ status }) => status !== 201);
    expect(new Set(good.map(sessionIdOf)).size).toBe(1);
    for (const { status, body, headers } of waiting) {
      expect([status, body['code']]).toEqual([409, 'IDEMPOTENCY_IN_FLIGHT']);
      expect(Number(headers.get('retry-after'))).toBeGreaterThan(0);
    }
    const later = await lethe.create(tenant, { type: 'ENROLL' }, key);
    expect(good.map(sessionIdOf)).toContain(sessionIdOf(later));
  });

  test('when a DELETE comes many times at once, then there is one session and one webhook', async () => {
    await lethe.enroll(tenant, 'once', face('once'));
    const key = freshKey();
    const answers = await Promise.all(
      Array.from({ length: 12 }, () => lethe.create(tenant, { type: 'DELETE', uuid: 'once' }, key)),
    );
    for (const { status } of answers) expect([200, 409]).toContain(status);
    const good = answers.filter(({ status }) => status === 200);
    expect(new Set(good.map(sessionIdOf)).size).toBe(1);
    const [first] = good;
    await lethe.webhook(first && sessionIdOf(first));
    const told = lethe.receiver.received.filter(
      ({ body }) => body.includes('"deleted"') && body.includes('"once"'),
    );
    expect(told).toHaveLength(1);
  });

  test('when it is written as a quoted string, then it is the same key', async () => {
    const { 'idempotency-key': key } = freshKey();
    const bare = await lethe.create(tenant, { type: 'ENROLL' }, { 'idempotency-key': key });
    const quoted = await lethe.create(
      tenant,
      { type: 'ENROLL' },
      { 'idempotency-key': `"${key}"` },
    );
    expect(sessionIdOf(quoted)).toBe(sessionIdOf(bare));
  });

  test('when the members come in another order, then it is the same request', async () => {
    const key = freshKey();
    const ordered = { type: 'ENROLL', auditTag: 'a', transactionID: 'b' };
    const reordered = { transactionID: 'b', auditTag: 'a', type: 'ENROLL' };
    const first = await lethe.create(tenant, ordered, key);
    expect((await lethe.create(tenant, reordered, key)).body).toEqual(first.body);
  });

  test.each([
    ['another type', { type: 'SIGN-IN' }],
    ['another uuid', { type: 'ENROLL', uuid: 'other' }],
    ['a member that nobody knows', { type: 'ENROLL', unknown: '\ud800' }],
  ])('when it comes with %s, then it is a 422 and the first answer stays', async (_what, body) => {
    const key = freshKey();
    const first = await lethe.create(tenant, { type: 'ENROLL' }, key);
    const other = await lethe.create(tenant, body, key);
    expect([other.status, other.body['code']]).toEqual([422, 'IDEMPOTENCY_MISMATCH']);
    expect((await lethe.create(tenant, { type: 'ENROLL' }, key)).body).toEqual(first.body);
  });

  test('when another client uses it, of the same tenant or of another, then it is another key', async () => {
    const { store, sealer, pepper, clock, reviews } = lethe.context;
    const deps = { store, sealer, pepper, clock, reviews };
    const issued = await createClient(deps, { tenantId: tenant.tenantId });
    const colleague: TestTenant = {
      ...tenant,
      credentials: {
        x_api_key: issued.apiKey,
        clientID: issued.client.clientId,
        clientSecret: issued.clientSecret,
      },
    };
    const key = freshKey();
    const answers = [];
    for (const sender of [tenant, colleague, await lethe.tenant()])
      answers.push(await lethe.create(sender, { type: 'ENROLL' }, key));
    expect(answers.map(({ status }) => status)).toEqual([201, 201, 201]);
    expect(new Set(answers.map(sessionIdOf)).size).toBe(3);
  });

  test('when it was used on one path, then it is free on another', async () => {
    const key = freshKey();
    const created = await lethe.create(tenant, { type: 'ENROLL' }, key);
    const path = `/v2/verification-session/${sessionIdOf(created)}/cancel`;
    const headers = { ...tenant.credentials, ...key };
    const canceled = await lethe.call('POST', path, { headers });
    const again = await lethe.call('POST', path, { headers });
    expect([canceled.status, again.status]).toEqual([200, 200]);
    expect(again.body).toEqual(canceled.body);
    const without = await lethe.call('POST', path, { headers: tenant.credentials });
    expect(without.status).toBe(409);
  });

  test.each(['', '""', 'a b', '"a b"', 'x'.repeat(256), 'schlüssel'])(
    'when it is %j, then it is a 400 and nothing happens',
    async (key) => {
      const headers = { 'idempotency-key': key };
      const answer = await lethe.create(tenant, { type: 'ENROLL', uuid: 'unborn' }, headers);
      expect([answer.status, answer.body['code']]).toEqual([400, 'INVALID_IDEMPOTENCY_KEY']);
      expect(answer.body).not.toHaveProperty('sessionId');
    },
  );

  test.each(['x'.repeat(255), '"', '"a', "'", '{}', '__proto__'])(
    'when it is %j, then it is a key like any other',
    async (key) => {
      const headers = { 'idempotency-key': key };
      const first = await lethe.create(tenant, { type: 'ENROLL' }, headers);
      const second = await lethe.create(tenant, { type: 'ENROLL' }, headers);
      expect(first.status).toBe(201);
      expect(second.body).toEqual(first.body);
    },
  );

  test('when the first request failed, then the key is given back', async () => {
    const key = freshKey();
    const body = { type: 'DELETE', uuid: 'late-comer' };
    expect((await lethe.create(tenant, body, key)).status).toBe(404);
    await lethe.enroll(tenant, 'late-comer', face('late-comer'));
    expect((await lethe.create(tenant, body, key)).status).toBe(200);
    const wrong = { callback: { url: 'ftp://x' }, type: 'ENROLL' };
    const otherKey = freshKey();
    expect((await lethe.create(tenant, wrong, otherKey)).status).toBe(400);
    expect((await lethe.create(tenant, { type: 'ENROLL' }, otherKey)).status).toBe(201);
  });

  test('when wrong credentials bring it, then the stored answer is not told', async () => {
    const key = freshKey();
    const first = await lethe.create(tenant, { type: 'ENROLL' }, key);
    const headers = { ...key, clientSecret: 'wrong' };
    const answer = await lethe.create(tenant, { type: 'ENROLL' }, headers);
    expect(answer.status).toBe(401);
    expect(JSON.stringify(answer.body)).not.toContain(sessionIdOf(first));
  });

  test('when the service restarts, then a repeated request still gets the first answer', async () => {
    const key = freshKey();
    const first = await lethe.create(tenant, { type: 'ENROLL' }, key);
    await lethe.stop();
    await lethe.open();
    expect((await lethe.create(tenant, { type: 'ENROLL' }, key)).body).toEqual(first.body);
  });

  test('when 24 hours have passed, then the key is free again, and not before', async () => {
    const key = freshKey();
    const body = { type: 'ENROLL', sessionExpiry: 86_400 };
    const first = await lethe.create(tenant, body, key);
    lethe.clock.advance(DAY_MS - 60_000);
    expect(sessionIdOf(await lethe.create(tenant, body, key))).toBe(sessionIdOf(first));
    lethe.clock.advance(61_000);
    const renewed = await lethe.create(tenant, body, key);
    expect(renewed.status).toBe(201);
    expect(sessionIdOf(renewed)).not.toBe(sessionIdOf(first));
  });
});
