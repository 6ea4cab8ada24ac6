import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { createRemoteJWKSet, jwtVerify } from 'jose';
import { face } from '../support/embeddings.js';
import { type TestAnswer, TestLethe, type TestTenant } from '../support/lethe.js';

let lethe: TestLethe;
let tenant: TestTenant;

beforeAll(async () => {
  lethe = await TestLethe.start();
  tenant = await lethe.tenant({ displayName: 'Bank of Tests' });
  await lethe.enroll(tenant, 'ada', face('ada'));
});
afterAll(async () => {
  await lethe.close();
});

const UNKNOWN = '00000000-0000-4000-8000-000000000000';
const BROWSER = { accept: 'text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8' };

const comeBack = async (sessionId: string, headers: object = {}): Promise<TestAnswer> =>
  await lethe.call('GET', `/launch/${sessionId}/return`, { headers });

async function open(body: object = {}): Promise<string> {
  const created = await lethe.create(tenant, { type: 'VERIFY', uuid: 'ada', ...body });
  expect(created.status).toBe(201);
  return String(created.body['sessionId']);
}

async function verify(as: string, body: object = {}): Promise<string> {
  const sessionId = await open(body);
  expect((await lethe.submit(sessionId, 'verify', face(as))).status).toBe(200);
  return sessionId;
}

async function cancel(sessionId: string): Promise<void> {
  const path = `/v2/verification-session/${sessionId}/cancel`;
  expect((await lethe.call('POST', path, { headers: tenant.credentials })).status).toBe(200);
}

const locationOf = (answer: TestAnswer): string => answer.headers.get('location') ?? '';
const queryOf = (answer: TestAnswer): URLSearchParams => new URL(locationOf(answer)).searchParams;
const has = (sessionId: string): boolean =>
  lethe.receiver.received.some(({ body }) => body.includes(sessionId));

async function resultOf(answer: TestAnswer, origin: string): Promise<Record<string, unknown>> {
  const keys = createRemoteJWKSet(new URL('/.well-known/jwks.json', lethe.url));
  const { payload } = await jwtVerify(queryOf(answer).get('result') ?? '', keys, {
    issuer: lethe.url,
    audience: origin,
    typ: 'lethe-result+jwt',
    algorithms: ['EdDSA'],
    currentDate: new Date(lethe.clock.nowMs()),
  });
  return payload;
}

describe('the way back to the integrator', () => {
  test('when a session succeeded, then the browser gets a 303 that is neither cached nor told of in a referrer', async () => {
    const sessionId = await verify('ada');
    const back = await comeBack(sessionId, BROWSER);
    expect(back.status).toBe(303);
    expect(locationOf(back)).toMatch(
      /^https:\/\/app\.example\/done\?keep=1&reason=success&result=[\w.-]+#top$/,
    );
    expect(back.headers.get('cache-control')).toBe('no-store');
    expect(back.headers.get('referrer-policy')).toBe('no-referrer');
  });

  test('when the session ended long ago, then the way back vouches for nothing any more', async () => {
    const sessionId = await verify('ada');
    await lethe.webhook(sessionId);
    lethe.clock.advance(11 * 60_000);
    const late = queryOf(await comeBack(sessionId));
    expect([late.get('reason'), late.has('result')]).toEqual(['success', false]);
  });

  test('when its result is verified with the published keys, then it names session, outcome and challenge for 120 seconds', async () => {
    const sessionId = await open({ redirectURL: 'https://shop.example:8443/x' });
    const session = await lethe.call('GET', `/v2/verification-session/${sessionId}`);
    await lethe.submit(sessionId, 'verify', face('ada'));
    const back = await comeBack(sessionId);
    const result = await resultOf(back, 'https://shop.example:8443');
    expect(result).toMatchObject({
      sid: sessionId,
      status: 'SUCCESS',
      type: 'VERIFY',
      nonce: (session.body['challenge'] as { nonce: string }).nonce,
    });
    expect(Number(result['exp']) - Number(result['iat'])).toBe(120);
    expect(Object.values(result)).not.toContain('ada');
  });

  const endings: Readonly<Record<string, (body: object) => Promise<string>>> = {
    success: async (body) => await verify('ada', body),
    failed: async (body) => await verify('a stranger', body),
    canceled: async (body) => {
      const sessionId = await open(body);
      await cancel(sessionId);
      return sessionId;
    },
    expired: async (body) => {
      const sessionId = await open({ ...body, sessionExpiry: 30 });
      lethe.clock.advance(31_000);
      return sessionId;
    },
  };

  test.each(Object.entries(endings))(
    'when a session ended with %s, then reason says so, and failureUrl is for all but success',
    async (reason, end) => {
      const back = await comeBack(await end({}));
      expect([back.status, queryOf(back).get('reason')]).toEqual([303, reason]);
      expect(locationOf(back)).toMatch(/^https:\/\/app\.example\/done\?/);

      const failureUrl = 'https://sorry.example/no';
      const other = await comeBack(await end({ failureUrl }));
      const { origin } = new URL(locationOf(other));
      expect(origin).toBe(reason === 'success' ? 'https://app.example' : 'https://sorry.example');
      expect((await resultOf(other, origin))['status']).toBe(
        reason === 'success' ? 'SUCCESS' : 'FAILED',
      );
    },
  );

  test('when the address has keys of its own, then none is overwritten and the session id is added nowhere', async () => {
    const own = 'https://app.example/d?sessionId=theirs&reason=theirs&result=&q=%7E+%2f';
    const sessionId = await verify('ada', { redirectURL: `${own}#sessionId` });
    const back = await comeBack(sessionId);
    expect(locationOf(back).startsWith(`${own}&lethe_reason=success&lethe_result=`)).toBe(true);
    expect(locationOf(back).endsWith('#sessionId')).toBe(true);
    expect(locationOf(back)).not.toContain(sessionId);
  });

  test('when a session is still open, then the browser is sent to its page and nothing ends', async () => {
    const sessionId = await open();
    const back = await comeBack(sessionId);
    expect([back.status, locationOf(back)]).toEqual([303, `/launch/${sessionId}`]);
    const session = await lethe.call('GET', `/v2/verification-session/${sessionId}`);
    expect(session.body['status']).toBe('CREATED');
  });

  test('when it was a DELETE, then the Link of its answer leads to a page and back', async () => {
    await lethe.enroll(tenant, 'erased', face('erased'));
    const deleted = await lethe.create(tenant, { type: 'DELETE', uuid: 'erased' });
    const [, address = ''] = /^<([^>]+)>/.exec(deleted.headers.get('link') ?? '') ?? [];
    const page = await fetch(address);
    expect(page.status).toBe(200);
    const html = await page.text();
    expect(html).toContain('<h1>Your face data was deleted</h1>');
    expect(html).not.toContain('erased');

    const back = await comeBack(String(deleted.body['sessionId']));
    expect([back.status, queryOf(back).get('reason')]).toEqual([303, 'success']);
    expect(await resultOf(back, 'https://app.example')).toMatchObject({
      type: 'DELETE',
      status: 'SUCCESS',
    });
    expect(has(String(deleted.body['sessionId']))).toBe(true);
  });

  test('when nobody knows the session, then browsers get a page and others the envelope', async () => {
    for (const path of [`/launch/${UNKNOWN}`, `/launch/${UNKNOWN}/return`]) {
      const page = await lethe.call('GET', path, { headers: BROWSER });
      expect([page.status, page.headers.get('content-type')]).toEqual([
        404,
        'text/html; charset=utf-8',
      ]);
      expect(page.body['text']).toContain('<h1>This link is not valid</h1>');
      const envelope = await lethe.call('GET', path);
      expect([envelope.status, envelope.body['code']]).toEqual([404, 'SESSION_NOT_FOUND']);
      expect(envelope.headers.get('vary')).toContain('Accept');
    }
  });
});

describe('the policy of the launch page', () => {
  const policyOf = (answer: TestAnswer): Readonly<Record<string, string>> =>
    Object.fromEntries(
      (answer.headers.get('content-security-policy') ?? '').split('; ').map((directive) => {
        const [name = '', ...sources] = directive.split(' ');
        return [name, sources.join(' ')];
      }),
    );

  test('when a session names two addresses, then its page may lead to and be framed by both origins only', async () => {
    const sessionId = await open({
      redirectURL: 'https://app.example/done',
      failureUrl: 'https://sorry.example:8443/no',
    });
    const page = await lethe.call('GET', `/launch/${sessionId}`);
    const origins = "'self' https://app.example https://sorry.example:8443";
    expect(policyOf(page)).toEqual({
      'default-src': "'none'",
      'base-uri': "'none'",
      'connect-src': "'self'",
      'img-src': "'self'",
      'script-src': "'self'",
      'style-src': "'self'",
      'form-action': origins,
      'frame-ancestors': origins,
    });
  });

  test.each(['https://a;sandbox/', 'https://a,b/', 'https://*/', 'https://*.example/'])(
    'when the host of redirectURL is that of %s, then it does not reach the policy',
    async (redirectURL) => {
      const page = await lethe.call('GET', `/launch/${await open({ redirectURL })}`);
      expect(page.status).toBe(200);
      expect(policyOf(page)).toMatchObject({
        'form-action': "'self'",
        'frame-ancestors': "'self'",
      });
      expect(policyOf(page)).not.toHaveProperty('sandbox');
    },
  );

  test('when an answer is not the page, then no frame may show it', async () => {
    const ended = await verify('ada');
    const page = await lethe.call('GET', `/launch/${ended}`);
    expect(page.headers.get('x-frame-options')).toBeNull();
    for (const path of [
      `/launch/${ended}/return`,
      `/launch/${UNKNOWN}`,
      `/v2/verification-session/${ended}`,
      '/launch-assets/nothing.js',
    ]) {
      const { headers } = await lethe.call('GET', path);
      expect([path, headers.get('x-frame-options')]).toEqual([path, 'DENY']);
      expect(headers.get('content-security-policy')).toContain("frame-ancestors 'none'");
    }
  });
});
