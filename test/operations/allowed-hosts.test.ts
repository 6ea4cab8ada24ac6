import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { changeTenant } from '../../src/access/tenants.js';
import { TestLethe, type TestTenant } from '../support/lethe.js';

let lethe: TestLethe;
let tenant: TestTenant;
let other: TestTenant;

beforeAll(async () => {
  lethe = await TestLethe.start({ env: { DELETE_RATE_LIMIT: '1000' } });
  tenant = await lethe.tenant({
    callbackHosts: ['127.0.0.1', 'hooks.example'],
    redirectHosts: ['app.example'],
  });
  other = await lethe.tenant();
});
afterAll(async () => {
  await lethe.close();
});

const elsewhere = { callback: { url: 'https://elsewhere.example/' } };
const awayTo = 'https://elsewhere.example/done';

test.each(['ENROLL', 'SIGN-IN', 'VERIFY', 'DELETE'])(
  'when a %s leads to a host that the tenant does not list, then it is a 400 that says where',
  async (type) => {
    const body = { type, ...(type !== 'SIGN-IN' && { uuid: 'somebody' }) };
    for (const [changes, code, pointer] of [
      [elsewhere, 'INVALID_CALLBACK_URL', '/callback/url'],
      [{ redirectURL: awayTo }, 'INVALID_REDIRECT_URL', '/redirectURL'],
      [{ failureUrl: awayTo }, 'INVALID_REDIRECT_URL', '/failureUrl'],
    ] as const) {
      const answer = await lethe.create(tenant, { ...body, ...changes });
      expect([answer.status, answer.body['code']]).toEqual([400, code]);
      expect(answer.body['errors']).toEqual([
        { pointer, message: 'must lead to a host that is registered for the tenant' },
      ]);
    }
  },
);

test('when the hosts are listed, or another tenant has no list, then the session is made', async () => {
  const failureUrl = 'https://app.example/failed';
  const own = await lethe.create(tenant, { type: 'SIGN-IN', failureUrl });
  expect(own.status).toBe(201);
  const free = { ...elsewhere, redirectURL: awayTo };
  expect((await lethe.create(other, { type: 'SIGN-IN', ...free })).status).toBe(201);
});

test('when the list is narrowed before the webhook is sent, then nothing reaches the receiver', async () => {
  const { body } = await lethe.create(tenant, { type: 'SIGN-IN' });
  const { store } = lethe.context;
  await changeTenant(
    { ...lethe.context, models: lethe.context.config.models },
    { tenantId: tenant.tenantId, callbackHosts: ['hooks.example'] },
  );
  const sessionId = String(body['sessionId']);
  await lethe.call('POST', `/v2/verification-session/${sessionId}/cancel`, {
    headers: tenant.credentials,
  });
  const attempted = async () =>
    (await store.deliveries.findBySession(sessionId))?.attemptLog.at(-1)?.outcome;
  const endsAt = Date.now() + 10_000;
  while ((await attempted()) === undefined && Date.now() < endsAt)
    await new Promise((resolve) => setTimeout(resolve, 10));
  expect(await attempted()).toBe('BLOCKED_ADDRESS');
  expect(lethe.receiver.connections()).toBe(0);
});
