import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { TestLethe, type TestTenant } from '../support/lethe.js';

let lethe: TestLethe;
let tenant: TestTenant;

beforeAll(async () => {
  lethe = await TestLethe.start();
  tenant = await lethe.tenant();
});
afterAll(async () => {
  await lethe.close();
});

const signIn = async (headers: object) => await lethe.create(tenant, { type: 'SIGN-IN' }, headers);

describe('X-Timestamp', () => {
  const at = (offsetMs: number) => lethe.clock.nowMs() + offsetMs;

  test.each([
    ['now in seconds', () => Math.floor(at(0) / 1_000)],
    ['now in milliseconds', () => at(0)],
    ['290 seconds ago', () => Math.floor(at(-290_000) / 1_000)],
    ['290 seconds ahead', () => at(290_000)],
  ])('when it is %s, then the request passes', async (_when, value) => {
    expect((await signIn({ 'X-Timestamp': String(value()) })).status).toBe(201);
  });

  test.each([
    ['310 seconds ago', () => Math.floor(at(-310_000) / 1_000)],
    ['310 seconds ahead', () => at(310_000)],
    ['0', () => 0],
  ])('when it is %s, then it is a 401', async (_when, value) => {
    const answer = await signIn({ 'X-Timestamp': String(value()) });
    expect([answer.status, answer.body['code']]).toEqual([401, 'STALE_TIMESTAMP']);
  });

  test.each(['now', '1e9', '-1', '1.5', '', '9'.repeat(30), '0x10'])(
    'when it is %j, then it is a 400',
    async (value) => {
      const answer = await signIn({ 'X-Timestamp': value });
      expect([answer.status, answer.body['code']]).toEqual([400, 'INVALID_HEADER']);
    },
  );
});

describe('X-Request-ID', () => {
  test.each(['a', 'trace-1:2/3+4=5_6.7', 'x'.repeat(128)])(
    'when it is %s, then answers carry it, good ones and errors',
    async (id) => {
      const headers = { 'X-Request-ID': id };
      expect((await signIn(headers)).headers.get('x-request-id')).toBe(id);
      const refused = await lethe.call('GET', '/nothing', { headers });
      expect(refused.headers.get('x-request-id')).toBe(id);
      expect(refused.body['requestId']).toBe(id);
    },
  );

  test('when it is absent, then every answer gets one of its own', async () => {
    const [first, second] = [await signIn({}), await lethe.call('GET', '/nothing')];
    const ids = [first, second].map(({ headers }) => headers.get('x-request-id'));
    for (const id of ids) expect(id).toMatch(/^[0-9a-f-]{36}$/);
    expect(ids[0]).not.toBe(ids[1]);
    expect(second.body['requestId']).toBe(ids[1]);
  });

  test.each(['two words', 'a;b', 'x'.repeat(129), '<script>', '%0d%0a', 'ä', ''])(
    'when it is %j, then it is a 400 under an id of its own, with the headers of every answer',
    async (id) => {
      const answer = await signIn({ 'X-Request-ID': id });
      expect(answer.status).toBe(400);
      expect(answer.body).toMatchObject({
        code: 'INVALID_HEADER',
        errors: [{ pointer: '/headers/X-Request-ID' }],
        requestId: expect.stringMatching(/^[0-9a-f-]{36}$/),
      });
      expect(answer.headers.get('x-content-type-options')).toBe('nosniff');
      expect(answer.headers.get('cache-control')).toBe('no-store');
    },
  );
});

describe('X-Device-Info', () => {
  test.each(['{}', '{"os":"Windows 11","model":"XPS","resolution":"1920x1080"}', '{"cores":8}'])(
    'when it is %s, then the request passes',
    async (info) => {
      expect((await signIn({ 'X-Device-Info': info })).status).toBe(201);
    },
  );

  test.each([
    'Windows',
    '[]',
    'null',
    '{"os":',
    '{"os":"a","os":"b"}',
    '{"os":{"deep":1}}',
    '{"os":"\\u0000"}',
    '',
    JSON.stringify({ a: 'x'.repeat(5_000) }),
    JSON.stringify(Object.fromEntries(Array.from({ length: 21 }, (_, n) => [`k${String(n)}`, 1]))),
  ])('when it is %s, then it is a 400', async (info) => {
    const answer = await signIn({ 'X-Device-Info': info });
    expect(answer.status).toBe(400);
    expect(answer.body).toMatchObject({
      code: 'INVALID_HEADER',
      errors: [{ pointer: '/headers/X-Device-Info' }],
    });
  });
});

describe('the limit of refused credentials', () => {
  test('when an address fails as often as allowed, then it is a 429; below that good requests pass', async () => {
    const limited = await TestLethe.start({ env: { AUTH_FAILURE_RATE_LIMIT: '3' } });
    try {
      const owner = await limited.tenant();
      const good = async () => await limited.create(owner, { type: 'SIGN-IN' });
      const bad = async () =>
        await limited.create(owner, { type: 'SIGN-IN' }, { clientSecret: '' });
      for (let count = 0; count < 6; count += 1) expect((await good()).status).toBe(201);
      expect((await bad()).status).toBe(401);
      expect((await good()).status).toBe(201);
      expect((await bad()).status).toBe(401);
      expect((await good()).status).toBe(201);
      expect((await bad()).status).toBe(401);
      const refused = await bad();
      expect(refused.status).toBe(429);
      const elsewhere = { clientSecret: '', 'x-forwarded-for': '203.0.113.9' };
      const disguised = await limited.create(owner, { type: 'SIGN-IN' }, elsewhere);
      expect(disguised.status).toBe(429);
      expect(refused.body).toMatchObject({ status: 'error', code: 'RATE_LIMITED' });
      expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(0);
    } finally {
      await limited.close();
    }
  });

  test('when session ids are guessed, then that is limited as well', async () => {
    const limited = await TestLethe.start({ env: { AUTH_FAILURE_RATE_LIMIT: '3' } });
    try {
      const guess = async () =>
        (await limited.call('GET', '/v2/verification-session/00000000-0000-4000-8000-000000000000'))
          .status;
      expect([await guess(), await guess(), await guess(), await guess()]).toEqual([
        404, 404, 404, 429,
      ]);
    } finally {
      await limited.close();
    }
  });
});
