import { createHash, generateKeyPairSync, randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { SignJWT } from 'jose';
import { createClient, revokeClient, rotateClientSecret } from '../../src/access/clients.js';
import { parseSlcKey } from '../../src/access/slc-key.js';
import { HOUR_MS } from '../../src/lib/clock.js';
import { face } from '../support/embeddings.js';
import { type TestAnswer, TestLethe, type TestTenant } from '../support/lethe.js';

const SESSIONS = '/v2/verification-session';
const NAMES_OF_ANSWER = [
  'cache-control',
  'content-type',
  'content-security-policy',
  'x-request-id',
  'x-content-type-options',
];

let lethe: TestLethe;
let strict: TestTenant;
let lenient: TestTenant;

beforeAll(async () => {
  lethe = await TestLethe.start({ env: { DELETE_RATE_LIMIT: '1000' } });
  strict = await lethe.tenant();
  lenient = await lethe.tenant({ authMode: 'apiKeyOnly' });
});
afterAll(async () => {
  await lethe.close();
});

function bodyText(change: object = {}): string {
  return JSON.stringify({
    type: 'SIGN-IN',
    redirectURL: 'https://app.example/',
    callback: { url: lethe.receiver.url },
    ...change,
  });
}

async function send(headers: object, change: object = {}): Promise<TestAnswer> {
  return await lethe.call('POST', SESSIONS, { headers, text: bodyText(change) });
}

const keyAlone = (tenant: TestTenant) => ({ x_api_key: tenant.credentials.x_api_key });
const accountDeps = () => {
  const { store, sealer, pepper, clock, reviews } = lethe.context;
  return { store, sealer, pepper, clock, reviews };
};

describe('an API key alone', () => {
  test('when the tenant is strict, then every operation and read refuses it', async () => {
    await lethe.enroll(strict, 'ada', face('ada'));
    const { body } = await lethe.create(strict, { type: 'SIGN-IN' });
    const path = `${SESSIONS}/${String(body['sessionId'])}`;
    for (const type of ['ENROLL', 'SIGN-IN', 'VERIFY', 'DELETE'])
      expect((await send(keyAlone(strict), { type, uuid: 'ada' })).status).toBe(401);
    for (const tail of ['', '/webhook', '/webhook-payload'])
      expect((await lethe.call('GET', path + tail, { headers: keyAlone(strict) })).status).toBe(
        401,
      );
    expect((await lethe.call('POST', `${path}/cancel`, { headers: keyAlone(strict) })).status).toBe(
      401,
    );
    expect(await lethe.verifies(strict, 'ada', face('ada'))).toBe(true);
  });

  test('when the tenant is apiKeyOnly, then it opens sessions and reads, and never deletes', async () => {
    await lethe.enroll(lenient, 'ada', face('ada'));
    for (const type of ['ENROLL', 'SIGN-IN', 'VERIFY']) {
      const uuid = type === 'ENROLL' ? 'new' : 'ada';
      const { status, body } = await send(keyAlone(lenient), { type, uuid });
      expect(status).toBe(201);
      const path = `${SESSIONS}/${String(body['sessionId'])}`;
      const session = await lethe.call('GET', path, { headers: keyAlone(lenient) });
      expect(session.body).toHaveProperty('redirectURL');
    }
    const erased = await send(keyAlone(lenient), { type: 'DELETE', uuid: 'ada' });
    expect([erased.status, erased.body['code']]).toEqual([401, 'UNAUTHENTICATED']);
    expect(await lethe.verifies(lenient, 'ada', face('ada'))).toBe(true);
    expect((await send(lenient.credentials, { type: 'DELETE', uuid: 'ada' })).status).toBe(200);
  });

  test('when the tenant is apiKeyOnly but something wrong is presented besides, then it is refused', async () => {
    for (const wrong of [{ clientSecret: 'wrong' }, { clientID: 'wrong' }, { SLC: 'a.b.c' }])
      expect((await send({ ...keyAlone(lenient), ...wrong })).status).toBe(401);
  });
});

describe('Authorization', () => {
  test.each(['skip-auth', 'Bearer x', 'Basic eDp4'])(
    'when it is %s, then it neither helps nor harms',
    async (authorization) => {
      expect((await send({ authorization })).status).toBe(401);
      expect((await send({ authorization, ...strict.credentials })).status).toBe(201);
    },
  );
});

describe('refused credentials', () => {
  test('when they are unknown, foreign, wrong, missing or revoked, then all answers are the same', async () => {
    const revoked = await createClient(accountDeps(), { tenantId: strict.tenantId });
    await revokeClient(accountDeps(), revoked.client.clientId);
    const own = strict.credentials;
    const foreign = lenient.credentials;
    const { clientSecret: _secret, ...withoutSecret } = own;
    const { x_api_key: _key, ...withoutKey } = own;
    const refusals = [
      {},
      { x_api_key: 'lak_unknown' },
      { ...own, x_api_key: 'lak_unknown' },
      { ...own, x_api_key: foreign.x_api_key },
      { ...own, clientID: foreign.clientID },
      { ...own, clientID: 'lci_unknown' },
      { ...own, clientSecret: foreign.clientSecret },
      { ...own, clientSecret: '' },
      { ...own, clientSecret: 'x'.repeat(5_000) },
      { ...own, 'x-api-key': foreign.x_api_key },
      withoutSecret,
      withoutKey,
      { ...withoutSecret, SLC: 'not.a.jwt' },
      {
        x_api_key: revoked.apiKey,
        clientID: revoked.client.clientId,
        clientSecret: revoked.clientSecret,
      },
      // Right in every way, but an hour old.
      { ...own, 'X-Timestamp': '1' },
    ];
    const answers = [];
    for (const headers of refusals) answers.push(await send(headers));
    const stale = answers.pop();
    expect([stale?.status, stale?.body['code']]).toEqual([401, 'STALE_TIMESTAMP']);
    const [first] = answers;
    expect(first?.body).toEqual({
      status: 'error',
      message: expect.any(String),
      errorCodes: [],
      code: 'UNAUTHENTICATED',
      requestId: expect.any(String),
    });
    for (const answer of answers) {
      expect(answer.status).toBe(401);
      expect({ ...answer.body, requestId: '' }).toEqual({ ...first?.body, requestId: '' });
      expect([...answer.headers.keys()].sort()).toEqual([...(first?.headers.keys() ?? [])].sort());
      expect([...answer.headers.keys()]).toEqual(expect.arrayContaining(NAMES_OF_ANSWER));
    }
  });

  test('when credentials were refused, then the metrics count them', async () => {
    const count = async () => {
      const { body } = await lethe.call('GET', '/metrics');
      const found = /lethe_authentication_refused_total\{code="UNAUTHENTICATED"\} (\d+)/.exec(
        String(body['text']),
      );
      return Number(found?.[1] ?? 0);
    };
    const before = await count();
    await send({ x_api_key: 'lak_unknown' });
    expect(await count()).toBe(before + 1);
  });
});

describe('a rotated secret', () => {
  test('when it overlaps, then both count until the older one ends', async () => {
    const tenant = await lethe.tenant();
    const { clientID } = tenant.credentials;
    const { clientSecret } = await rotateClientSecret(accountDeps(), {
      clientId: clientID,
      overlapMs: HOUR_MS,
    });
    const rotated = { ...tenant.credentials, clientSecret };
    expect((await send(tenant.credentials)).status).toBe(201);
    expect((await send(rotated)).status).toBe(201);
    lethe.clock.advance(HOUR_MS + 1_000);
    expect((await send(tenant.credentials)).status).toBe(401);
    expect((await send(rotated)).status).toBe(201);
    await revokeClient(accountDeps(), clientID);
    expect((await send(rotated)).status).toBe(401);
  });
});

describe('an SLC instead of the secret', () => {
  const ed25519 = generateKeyPairSync('ed25519');
  let client: { clientId: string; apiKey: string; clientSecret: string };

  beforeAll(async () => {
    const issued = await createClient(accountDeps(), {
      tenantId: strict.tenantId,
      slcKeys: [parseSlcKey(ed25519.publicKey.export({ format: 'jwk' }))],
    });
    client = { ...issued, clientId: issued.client.clientId };
  });

  async function token(alg: 'EdDSA' | 'HS256', claims: object = {}): Promise<string> {
    const now = Math.floor(lethe.clock.nowMs() / 1_000);
    const key = alg === 'EdDSA' ? ed25519.privateKey : Buffer.from(client.clientSecret);
    return await new SignJWT({
      iss: client.clientId,
      sub: client.clientId,
      aud: lethe.url,
      iat: now,
      exp: now + 120,
      jti: randomUUID(),
      ...claims,
    })
      .setProtectedHeader({ alg })
      .sign(key);
  }

  const withSlc = (slc: string, name = 'SLC') => ({
    x_api_key: client.apiKey,
    clientID: client.clientId,
    [name]: slc,
  });

  test.each([
    ['EdDSA', 'SLC'],
    ['HS256', 'slc'],
    ['EdDSA', 'x-slc'],
  ] as const)(
    'when it is signed with %s and sent as %s, then it counts once',
    async (alg, name) => {
      const slc = await token(alg);
      expect((await send(withSlc(slc, name))).status).toBe(201);
      expect((await send(withSlc(slc, name))).status).toBe(401);
    },
  );

  test('when many requests bring one token at once, then one passes', async () => {
    const slc = await token('EdDSA');
    const answers = await Promise.all(Array.from({ length: 8 }, () => send(withSlc(slc))));
    expect(answers.filter(({ status }) => status === 201)).toHaveLength(1);
    expect(answers.filter(({ status }) => status === 401)).toHaveLength(7);
  });

  test('when it names a digest of the body, then it counts for these very bytes', async () => {
    const digest = createHash('sha256').update(bodyText()).digest('base64url');
    const claims = { body_sha256: digest };
    expect((await send(withSlc(await token('EdDSA', claims)), { auditTag: 'x' })).status).toBe(401);
    expect((await send(withSlc(await token('EdDSA', claims)))).status).toBe(201);
  });

  test('when it deletes, then it is as good as the secret', async () => {
    await lethe.enroll(strict, 'by-slc', face('by-slc'));
    const answer = await send(withSlc(await token('EdDSA')), { type: 'DELETE', uuid: 'by-slc' });
    expect(answer.status).toBe(200);
  });

  test.each<[string, object]>([
    ['for another audience', { aud: 'https://other.example' }],
    ['of another issuer', { iss: 'lci_other' }],
    ['without a jti', { jti: undefined }],
    ['long over', { iat: 1, exp: 2 }],
  ])('when it is %s, then it is refused', async (_what, claims) => {
    const answer = await send(withSlc(await token('EdDSA', claims)));
    expect([answer.status, answer.body['code']]).toEqual([401, 'UNAUTHENTICATED']);
  });
});
