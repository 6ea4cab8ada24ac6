import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { face } from '../support/embeddings.js';
import { TestLethe, type TestTenant } from '../support/lethe.js';

const SESSIONS = '/v2/verification-session';

let lethe: TestLethe;
let tenant: TestTenant;

beforeAll(async () => {
  lethe = await TestLethe.start();
  tenant = await lethe.tenant();
});
afterAll(async () => {
  await lethe.close();
});

/** A body as the integrator writes it, with nothing added. */
async function post(body: object, headers: object = tenant.credentials) {
  return await lethe.call('POST', SESSIONS, { headers, body });
}

function callback() {
  return { callback: { url: lethe.receiver.url } };
}

const redirect = { redirectURL: 'https://app.example/done' };

function pointersOf(body: Record<string, unknown>): unknown[] {
  return ((body['errors'] ?? []) as { pointer: string }[]).map(({ pointer }) => pointer);
}

async function storedSession(sessionId: unknown) {
  const session = await lethe.context.store.sessions.find(String(sessionId));
  if (session === undefined) throw new Error('the session was not stored');
  return session;
}

describe('the type', () => {
  test.each([
    ['ENROLL', 'ENROLL'],
    ['REGISTER', 'ENROLL'],
    ['enroll', 'ENROLL'],
    ['register', 'ENROLL'],
    ['SIGN-IN', 'SIGN-IN'],
    ['SIGN_IN', 'SIGN-IN'],
    ['SIGNIN', 'SIGN-IN'],
    ['sign-in', 'SIGN-IN'],
  ])(
    'when it is %s, then the session is %s and answers repeat the spelling',
    async (type, stored) => {
      const { status, body } = await post({ type, ...redirect, ...callback() });
      expect([status, body['type']]).toEqual([201, type]);
      expect(await storedSession(body['sessionId'])).toMatchObject({ type: stored });
      const session = await lethe.call('GET', `${SESSIONS}/${String(body['sessionId'])}`);
      expect(session.body['type']).toBe(type);
    },
  );

  test('when VERIFY_ULTRA names another uuid than customerId, then it is a 400 at both', async () => {
    const differing = { uuid: 'a', customerId: 'b' };
    const { status, body } = await post({
      type: 'VERIFY_ULTRA',
      ...differing,
      ...redirect,
      ...callback(),
    });
    expect([status, pointersOf(body)]).toEqual([400, ['/customerId', '/uuid']]);
  });
});

describe('the target of a DELETE', () => {
  test.each(['uuid', 'puid', 'customerId'])(
    'when it is called %s, then the subject is deleted and answered as uuid',
    async (name) => {
      const uuid = `target-${name}`;
      await lethe.enroll(tenant, uuid, face(uuid));
      const { status, body } = await post({
        type: 'delete',
        [name]: uuid,
        ...redirect,
        ...callback(),
      });
      expect(status).toBe(200);
      expect(body['identificationResult']).toEqual({ uuid, status: 'deleted' });
      expect(await lethe.verifies(tenant, uuid, face(uuid))).toBe(false);
    },
  );

  test('when only a transactionID leads to one subject, then it is a 400 at /uuid and the subject lives', async () => {
    const transactionID = 'txn-of-one';
    const { body } = await post({
      type: 'ENROLL',
      uuid: 'found-by-txn',
      transactionID,
      ...redirect,
      ...callback(),
    });
    await lethe.submit(body['sessionId'], 'enroll', face('found-by-txn'));
    const refused = await post({ type: 'DELETE', transactionID, ...redirect, ...callback() });
    expect([refused.status, pointersOf(refused.body)]).toEqual([400, ['/uuid']]);
    expect(await lethe.verifies(tenant, 'found-by-txn', face('found-by-txn'))).toBe(true);
  });

  test('when uuid and puid name two subjects, then it is a 400 at both and both live', async () => {
    for (const uuid of ['first', 'second']) await lethe.enroll(tenant, uuid, face(uuid));
    const names = { uuid: 'first', puid: 'second' };
    const refused = await post({ type: 'DELETE', ...names, ...redirect, ...callback() });
    expect([refused.status, pointersOf(refused.body)]).toEqual([400, ['/uuid', '/puid']]);
    for (const uuid of ['first', 'second'])
      expect(await lethe.verifies(tenant, uuid, face(uuid))).toBe(true);
  });

  test.each(['', ' ', 'a b', 'ä', '../x', 'a/b', 'x'.repeat(129), 7, null, ['a'], { $ne: '' }])(
    'when uuid is %j, then it is a 400 at /uuid',
    async (uuid) => {
      const { status, body } = await post({ type: 'DELETE', uuid, ...redirect, ...callback() });
      expect([status, pointersOf(body)]).toEqual([400, ['/uuid']]);
    },
  );

  test.each(['123asd', 'NLOaU9FP-RvN7-TAmR-jR9T-nKt75q9L20ad', '__proto__', 'x'.repeat(128)])(
    'when uuid is %s, which is no UUID of RFC 9562, then it names a subject all the same',
    async (uuid) => {
      await lethe.enroll(tenant, uuid, face(uuid));
      expect(await lethe.verifies(tenant, uuid, face(uuid))).toBe(true);
      const { status } = await post({ type: 'DELETE', uuid, ...redirect, ...callback() });
      expect(status).toBe(200);
    },
  );
});

describe('the redirect address', () => {
  test.each(['redirectURL', 'redirectUrl', 'successUrl'])(
    'when it is called %s, then it is kept byte for byte',
    async (name) => {
      const url = 'https://app.example/a%2Fb?sessionId=own&x=%20#top';
      const { status, body } = await post({ type: 'ENROLL', [name]: url, ...callback() });
      expect(status).toBe(201);
      expect(await storedSession(body['sessionId'])).toMatchObject({ redirectURL: url });
    },
  );

  test('when successUrl comes with failureUrl, then both are kept', async () => {
    const urls = { successUrl: 'https://app.example/ok', failureUrl: 'https://app.example/no' };
    const { body } = await post({ type: 'ENROLL', ...urls, ...callback() });
    expect(await storedSession(body['sessionId'])).toMatchObject({
      redirectURL: urls.successUrl,
      failureUrl: urls.failureUrl,
    });
  });

  test('when two names differ, then it is a 400 at both', async () => {
    const urls = { redirectURL: 'https://app.example/a', redirectUrl: 'https://app.example/b' };
    const { status, body } = await post({ type: 'ENROLL', ...urls, ...callback() });
    expect([status, pointersOf(body)]).toEqual([400, ['/redirectURL', '/redirectUrl']]);
  });
});

describe('the credential headers', () => {
  const spellings = {
    x_api_key: ['x_api_key', 'X_API_KEY', 'x-api-key', 'X-API-Key'],
    clientID: ['clientID', 'clientId', 'CLIENTID', 'client-id', 'x-client-id', 'Client_Id'],
    clientSecret: ['clientSecret', 'clientsecret', 'Client-Secret', 'x-client-secret'],
  };
  const cases = Object.entries(spellings).flatMap(([name, names]) =>
    names.map((spelled) => [name as keyof typeof spellings, spelled] as const),
  );

  test.each(cases)('when %s is spelled %s, then it counts', async (name, spelled) => {
    const { [name]: value, ...others } = tenant.credentials;
    const headers = { ...others, [spelled]: value };
    const { status } = await post({ type: 'SIGN-IN', ...redirect, ...callback() }, headers);
    expect(status).toBe(201);
  });

  test.each([
    ['x_api_key', 'x-api-key'],
    ['clientID', 'x-client-id'],
    ['clientSecret', 'client-secret'],
  ] as const)(
    'when %s and %s differ, then it is a 401; when they agree, then not',
    async (name, other) => {
      const body = { type: 'SIGN-IN', ...redirect, ...callback() };
      const value = tenant.credentials[name];
      const differing = await post(body, { ...tenant.credentials, [other]: `${value}x` });
      expect([differing.status, differing.body['code']]).toEqual([401, 'UNAUTHENTICATED']);
      expect((await post(body, { ...tenant.credentials, [other]: value })).status).toBe(201);
    },
  );
});

describe('what is ignored and what is not', () => {
  test('when the body has members that nobody knows, then they are ignored', async () => {
    const unknown = { sendPigeons: true, nested: { a: [1, { b: null }] }, constructor: 1 };
    const answer = await post({ type: 'ENROLL', ...unknown, ...redirect, ...callback() });
    expect(answer.status).toBe(201);
  });

  test.each([
    ['has an unknown member', { method: 'PUT' }, '/callback/method'],
    ['has no url', { url: undefined }, '/callback/url'],
    ['has a header that is no text', { headers: { a: 1 } }, '/callback/headers/a'],
  ])('when the callback %s, then it is a 400 there', async (_what, change, pointer) => {
    const changed = { url: lethe.receiver.url, ...change };
    const { status, body } = await post({ type: 'ENROLL', ...redirect, callback: changed });
    expect([status, pointersOf(body)]).toEqual([400, [pointer]]);
  });

  test('when the method is DELETE with a JSON body, then it is a 405 and the connection goes on', async () => {
    const refused = await lethe.call('DELETE', SESSIONS, {
      headers: tenant.credentials,
      body: { type: 'DELETE', uuid: 'someone' },
    });
    expect([refused.status, refused.body['code']]).toEqual([405, 'METHOD_NOT_ALLOWED']);
    expect(refused.headers.get('allow')).toBe('POST');
  });
});
