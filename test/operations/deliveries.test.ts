import { randomUUID } from 'node:crypto';
import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { setClientScopes } from '../../src/access/clients.js';
import { createValidator } from '../../src/http/validate.js';
import { DAY_MS } from '../../src/lib/clock.js';
import { eventually, type TestAnswer, TestLethe, type TestTenant } from '../support/lethe.js';
import { type Receiver, startReceiver } from '../support/receiver.js';

const validator = createValidator(new URL('../../schemas/', import.meta.url));
const UNKNOWN = '00000000-0000-4000-8000-000000000000';
const SCOPES = ['audit:read', 'deliveries:read', 'deliveries:write'] as const;

interface Item {
  readonly deliveryId: string;
  readonly sessionId: string;
  readonly state: string;
  readonly isHeld?: boolean;
  readonly attempts: number;
  readonly lastOutcome?: string;
  readonly attemptLog?: readonly { readonly outcome: string }[];
}

let lethe: TestLethe;
let tenant: TestTenant;
let other: TestTenant;
let receivers: Receiver[] = [];

beforeAll(async () => {
  lethe = await TestLethe.start({ env: { DELIVERY_SCHEDULE_SECONDS: '0,0.05' } });
  tenant = await lethe.tenant({ scopes: SCOPES });
  other = await lethe.tenant({ scopes: SCOPES });
});
afterAll(async () => {
  await lethe.close();
});
afterEach(async () => {
  await Promise.all(receivers.map((receiver) => receiver.close()));
  receivers = [];
});

async function receiver(): Promise<Receiver> {
  const started = await startReceiver();
  receivers.push(started);
  return started;
}

async function get(path: string, as: TestTenant = tenant): Promise<TestAnswer> {
  return await lethe.call('GET', path, { headers: as.credentials });
}

async function post(
  path: string,
  body?: object,
  as: TestTenant = tenant,
  headers: object = {},
): Promise<TestAnswer> {
  const request = { headers: { ...as.credentials, ...headers } };
  return await lethe.call('POST', path, body === undefined ? request : { ...request, body });
}

async function list(query = '', as: TestTenant = tenant): Promise<readonly Item[]> {
  const answer = await get(`/v2/deliveries${query}`, as);
  expect(answer.status).toBe(200);
  return answer.body['items'] as readonly Item[];
}

/** Opens and cancels a session; returns its id. */
async function ended(url: string, as: TestTenant = tenant): Promise<string> {
  const callback = { url, headers: { authorization: 'Bearer hidden-value' } };
  const created = await lethe.create(as, { type: 'ENROLL', callback });
  const sessionId = String(created.body['sessionId']);
  await post(`/v2/verification-session/${sessionId}/cancel`, undefined, as);
  return sessionId;
}

async function until(sessionId: string, state: string, as: TestTenant = tenant): Promise<Item> {
  return await eventually(async () => {
    const [item] = await list(`?sessionId=${sessionId}`, as);
    return item?.state === state ? item : undefined;
  });
}

describe('what became of webhooks', () => {
  test('when a webhook was delivered, then its owner sees how, and nothing of address, headers or body', async () => {
    const hook = await receiver();
    const sessionId = await ended(`${hook.origin}/path-token?q=query-token`);
    const item = await until(sessionId, 'delivered');
    expect(item).toMatchObject({
      deliveryId: hook.received[0]?.headers['webhook-id'],
      event: 'session.ended',
      origin: hook.origin,
      attempts: 1,
      lastOutcome: '200',
    });
    const one = await get(`/v2/deliveries/${item.deliveryId}`);
    expect(one.body).toEqual({
      ...item,
      attemptLog: [{ at: expect.any(String), durationMs: expect.any(Number), outcome: '200' }],
    });
    expect(JSON.stringify([item, one.body])).not.toMatch(/token|hidden|canceled/);
  });

  test('when another tenant asks, then there is nothing, and unknown and foreign look alike', async () => {
    const { deliveryId, sessionId } = await until(await ended((await receiver()).url), 'delivered');
    expect(await list(`?sessionId=${sessionId}`, other)).toEqual([]);
    const answers = [
      await get(`/v2/deliveries/${deliveryId}`, other),
      await get(`/v2/deliveries/${UNKNOWN}`, other),
      await post(`/v2/deliveries/${deliveryId}/replay`, undefined, other),
      await post(`/v2/deliveries/${UNKNOWN}/replay`, undefined, other),
    ].map(({ status, body }) => ({ status, body: { ...body, requestId: '' } }));
    expect(answers[0]?.status).toBe(404);
    for (const answer of answers) expect(answer).toEqual(answers[0]);
  });

  test('when a client has no scope, or the other one, then it is refused', async () => {
    const none = await lethe.tenant();
    const reader = await lethe.tenant({ scopes: ['deliveries:read', 'audit:read'] });
    const writer = await lethe.tenant({ scopes: ['deliveries:write'] });
    const callback = { url: lethe.receiver.url };
    const range = { from: '2026-01-01T00:00:00Z', until: '2026-01-02T00:00:00Z' };
    for (const who of [none, writer])
      for (const path of ['/v2/deliveries', `/v2/deliveries/${UNKNOWN}`, '/v2/destinations'])
        expect((await get(path, who)).status).toBe(403);
    for (const who of [none, reader])
      for (const [path, body] of [
        [`/v2/deliveries/${UNKNOWN}/replay`, undefined],
        ['/v2/deliveries/replay', range],
        ['/v2/deliveries/test', { callback }],
        ['/v2/destinations/enable', { origin: 'https://a.example' }],
      ] as const)
        expect((await post(path, body, who)).status).toBe(403);
    const reviews = await get('/v2/audit/entries?op=WEBHOOK', reader);
    expect(reviews.body['items']).toHaveLength(4);
  });

  test('when pages are read while webhooks arrive, then they hold every earlier one once, newest first', async () => {
    const walker = await lethe.tenant({ scopes: SCOPES });
    const hook = await receiver();
    const sessions: string[] = [];
    for (let count = 0; count < 7; count += 1) sessions.push(await ended(hook.url, walker));
    const seen: string[] = [];
    for (let next = ''; ; ) {
      const { body } = await get(`/v2/deliveries?limit=3${next}`, walker);
      const page = body as { items: Item[]; next?: string };
      seen.push(...page.items.map(({ sessionId }) => sessionId));
      await ended(hook.url, walker);
      if (page.next === undefined) break;
      next = `&before=${page.next}`;
    }
    expect(seen).toEqual(sessions.reverse());
  });

  test.each([
    '?limit=0',
    '?limit=101',
    '?before=x',
    '?state=gone',
    '?from=yesterday',
    '?origin=nothing',
    '?origin=https://[',
    '?from=2016-12-31T23:59:60Z',
    '?from=2026-01-02T00:00:00Z&until=2026-01-01T00:00:00Z',
    '?sessionId=1',
    '?unknown=1',
    '?state=failed&state=pending',
  ])('when the query is %s, then it is refused', async (query) => {
    expect((await get(`/v2/deliveries${query}`)).body).toMatchObject({ code: 'VALIDATION_FAILED' });
  });

  test('when the time or the origin is given, then what was created then, or goes there, is told', async () => {
    const hook = await receiver();
    const before = new Date(lethe.clock.nowMs() - 1).toISOString();
    const sessionId = await ended(hook.url);
    await until(sessionId, 'delivered');
    const at = `from=${before}&until=${new Date(lethe.clock.nowMs() + 1).toISOString()}`;
    const ids = async (query: string) => (await list(query)).map((item) => item.sessionId);
    expect(await ids(`?${at}`)).toEqual([sessionId]);
    expect(await ids(`?origin=${hook.origin}`)).toEqual([sessionId]);
    expect(await ids(`?origin=${hook.origin}&until=${before}`)).toEqual([]);
  });
});

describe('replay', () => {
  test('when a failed webhook is replayed, then it arrives under its id, freshly signed', async () => {
    const hook = await receiver();
    hook.behave({ status: 500 });
    const sessionId = await ended(hook.url);
    const failed = await until(sessionId, 'failed');
    expect(failed).toMatchObject({ attempts: 2, lastOutcome: '500' });
    const count = hook.received.length;
    hook.behave({ status: 200 });
    lethe.clock.advance(60_000);
    const replayed = await post(`/v2/deliveries/${failed.deliveryId}/replay`);
    expect(replayed).toMatchObject({ status: 202, body: { state: 'pending', attempts: 0 } });
    await until(sessionId, 'delivered');
    const last = hook.received.at(-1);
    expect(hook.received).toHaveLength(count + 1);
    expect(last?.headers['webhook-id']).toBe(failed.deliveryId);
    expect(last?.body).toEqual(hook.received[0]?.body);
    const sentAt = (index: number) => Number(hook.received.at(index)?.headers['webhook-timestamp']);
    expect(sentAt(-1) - sentAt(0)).toBeGreaterThanOrEqual(60);
    const one = await get(`/v2/deliveries/${failed.deliveryId}`);
    const outcomes = (one.body as unknown as Item).attemptLog?.map(({ outcome }) => outcome);
    expect(outcomes).toEqual(['500', '500', '200']);
  });

  test('when a replay is repeated under one Idempotency-Key, then it is one', async () => {
    const hook = await receiver();
    const { deliveryId, sessionId } = await until(await ended(hook.url), 'delivered');
    const path = `/v2/deliveries/${deliveryId}/replay`;
    const key = { 'idempotency-key': `again-${deliveryId}` };
    const first = await post(path, undefined, tenant, key);
    await until(sessionId, 'delivered');
    await hook.waitFor(2);
    await until(sessionId, 'delivered');
    const second = await post(path, undefined, tenant, key);
    expect(second).toMatchObject({ status: 202, body: first.body });
    await new Promise((resolve) => setTimeout(resolve, 200));
    expect(hook.received).toHaveLength(2);
  });

  test('when a later event of the session went out, then an earlier one is not replayed', async () => {
    const hook = await receiver();
    const callback = { url: hook.url };
    const created = await lethe.create(tenant, {
      type: 'ENROLL',
      callback,
      sendEventWebhooks: true,
    });
    const sessionId = String(created.body['sessionId']);
    const path = `/v2/verification-session/${sessionId}`;
    await lethe.call('POST', `${path}/feedback`, { body: { feedback: 'x' } });
    const started = await until(sessionId, 'delivered');
    const replay = `/v2/deliveries/${started.deliveryId}/replay`;
    expect((await post(replay)).status).toBe(202);
    await hook.waitFor(2);
    await until(sessionId, 'delivered');
    await post(`${path}/cancel`);
    await hook.waitFor(3);
    expect(await post(replay)).toMatchObject({ status: 409, body: { code: 'EVENT_SUPERSEDED' } });
    const range = await post('/v2/deliveries/replay', {
      state: 'delivered',
      origin: hook.origin,
      from: '2026-01-01T00:00:00Z',
      until: '2100-01-01T00:00:00Z',
    });
    expect(range.status).toBe(202);
    expect((range.body['items'] as { outcome: string }[]).map(({ outcome }) => outcome)).toEqual([
      'replayed',
      'superseded',
    ]);
    await hook.waitFor(4);
    expect(JSON.parse(hook.received[3]?.body.toString() ?? '')).toMatchObject({ status: 'FAILED' });
  });

  test('when a range is replayed, then every failed webhook of it arrives, and no other', async () => {
    const hook = await receiver();
    const failedIds: string[] = [];
    hook.behave({ status: 500 });
    for (let count = 0; count < 4; count += 1) failedIds.push(await ended(hook.url));
    for (const sessionId of failedIds) await until(sessionId, 'failed');
    hook.behave({ status: 200 });
    await until(await ended(hook.url), 'delivered');
    const seen = hook.received.length;
    const from = new Date(lethe.clock.nowMs() - DAY_MS).toISOString();
    const range = { from, until: new Date(lethe.clock.nowMs() + 1).toISOString() };
    const foreign = await post('/v2/deliveries/replay', { ...range, origin: hook.origin }, other);
    expect(foreign.body).toEqual({ items: [] });
    const answer = await post('/v2/deliveries/replay', { ...range, origin: hook.origin });
    expect(answer.body['items']).toHaveLength(4);
    for (const sessionId of failedIds) await until(sessionId, 'delivered');
    expect(hook.received).toHaveLength(seen + 4);
  });

  test.each([
    [{}],
    [{ from: '2026-01-01T00:00:00Z' }],
    [{ from: 'x', until: '2026-01-01T00:00:00Z' }],
    [{ from: '2016-12-31T23:59:60Z', until: '2026-01-01T00:00:00Z' }],
    [{ from: '2026-01-01T00:00:00Z', until: '2026-01-01T00:00:00Z' }],
    [{ from: '2026-01-01T00:00:00Z', until: '2026-01-02T00:00:00Z', origin: 'https://[' }],
    [{ from: '2026-01-01T00:00:00Z', until: '2026-01-02T00:00:00Z', state: 'pending' }],
    [{ from: '2026-01-01T00:00:00Z', until: '2026-01-02T00:00:00Z', more: 1 }],
    [[]],
  ])('when a range is %j, then it is refused', async (range) => {
    expect((await post('/v2/deliveries/replay', range)).body).toMatchObject({
      code: 'VALIDATION_FAILED',
    });
  });
});

describe('a test event', () => {
  test('when its key comes with another callback, then it is refused, at whatever spelling of the path', async () => {
    const hook = await receiver();
    for (const path of ['/v2/deliveries/test', '/v2/deliveries/test/']) {
      const headers = { ...tenant.credentials, 'idempotency-key': randomUUID() };
      const ask = async (url: string) =>
        await lethe.call('POST', path, { headers, body: { callback: { url } } });
      expect((await ask(hook.url)).status).toBe(202);
      expect((await ask(`${hook.url}/else`)).body).toMatchObject({ code: 'IDEMPOTENCY_MISMATCH' });
    }
  });

  test('when the client has lost the scope, then the remembered answer is not told either', async () => {
    const own = await lethe.tenant({ scopes: SCOPES });
    const headers = { ...own.credentials, 'idempotency-key': randomUUID() };
    const body = { callback: { url: (await receiver()).url } };
    const ask = async () => await lethe.call('POST', '/v2/deliveries/test', { headers, body });
    expect((await ask()).status).toBe(202);
    const { clientID: clientId } = own.credentials;
    await setClientScopes(lethe.context, { clientId, scopes: ['deliveries:read'] });
    expect((await ask()).body).toMatchObject({ code: 'FORBIDDEN' });
  });

  test('when it is asked for, then the receiver gets it signed, and cannot take it for the end of a session', async () => {
    const hook = await receiver();
    const callback = { url: hook.url, headers: { 'x-own': '1' } };
    const sent = await post('/v2/deliveries/test', { callback });
    expect(sent).toMatchObject({ status: 202, body: { event: 'webhook.test', state: 'pending' } });
    await hook.waitFor(1);
    const [request] = hook.received;
    const event: unknown = JSON.parse(request?.body.toString() ?? '');
    expect(event).toMatchObject({ event: 'webhook.test', status: 'TEST' });
    validator.checkResponse('webhook.test', event as never);
    expect(request?.headers).toMatchObject({
      'x-own': '1',
      'webhook-id': sent.body['deliveryId'],
      'webhook-jws': expect.any(String),
    });
    await until(String(sent.body['sessionId']), 'delivered');
    const session = `/v2/verification-session/${String(sent.body['sessionId'])}`;
    expect((await get(session)).status).toBe(404);
  });

  test.each([
    [{ url: 'ftp://a.example' }, 'INVALID_CALLBACK_URL'],
    [{ url: 'https://10.0.0.1/' }, 'INVALID_CALLBACK_URL'],
    [{ url: 'https://a.example', headers: { host: 'b' } }, 'INVALID_CALLBACK_HEADERS'],
    [{}, 'VALIDATION_FAILED'],
  ])(
    'when the callback is %j, then it is refused as that of a session: %s',
    async (callback, code) => {
      const answer = await post('/v2/deliveries/test', { callback });
      expect(answer).toMatchObject({ status: 400, body: { code } });
    },
  );
});

describe('destinations', () => {
  test('when a receiver is gone, then what follows is held, told, and sent when it is enabled', async () => {
    const hook = await receiver();
    hook.behave({ status: 410 });
    await until(await ended(hook.url), 'failed');
    hook.behave({ status: 200 });
    const disabled = await eventually(async () => {
      const { items } = (await get('/v2/destinations')).body as { items: { origin: string }[] };
      return items.find(({ origin }) => origin === hook.origin);
    });
    expect(disabled).toMatchObject({
      state: 'disabled',
      disabledBecause: 'GONE',
      lastOutcome: '410',
      failures: 1,
    });
    const held = await ended(hook.url);
    const foreign = await ended(hook.url, other);
    await until(foreign, 'delivered', other);
    expect(await until(held, 'pending')).toMatchObject({ isHeld: true, attempts: 0 });
    expect((await get('/v2/destinations', other)).body).toEqual({ items: [] });

    const enable = { origin: hook.origin };
    expect((await post('/v2/destinations/enable', enable, other)).status).toBe(404);
    const enabled = await post('/v2/destinations/enable', enable);
    expect(enabled).toMatchObject({ status: 200, body: { ...enable, status: 'enabled' } });
    await until(held, 'delivered');
    expect((await post('/v2/destinations/enable', enable)).status).toBe(404);
    const { items } = (await get('/v2/audit/entries?op=WEBHOOK')).body as { items: object[] };
    expect(items.slice(0, 2)).toMatchObject([
      { outcome: 'refused', code: 'NOT_FOUND' },
      { outcome: 'succeeded', origin: hook.origin, clientId: tenant.credentials.clientID },
    ]);
    expect(await lethe.context.watch.metricsText()).toContain(
      'lethe_destinations_disabled_total{reason="GONE"} 1',
    );
  });

  test('when a receiver is overloaded, then its pause is told, and enabling ends it', async () => {
    const hook = await receiver();
    hook.behave({ status: 503, headers: { 'retry-after': '600' } });
    const sessionId = await ended(hook.url);
    const held = await eventually(async () => {
      const [item] = await list(`?sessionId=${sessionId}`);
      return item?.isHeld === true ? item : undefined;
    });
    expect(held).toMatchObject({ state: 'pending', attempts: 1 });
    const { items } = (await get('/v2/destinations')).body as { items: object[] };
    expect(items).toContainEqual(
      expect.objectContaining({ origin: hook.origin, state: 'paused', lastOutcome: '503' }),
    );
    hook.behave({ status: 200 });
    await post('/v2/destinations/enable', { origin: hook.origin });
    const next = await ended(hook.url);
    await until(next, 'delivered');
  });
});
