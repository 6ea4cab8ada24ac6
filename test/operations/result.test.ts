import { createHash } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { decodeJwt, SignJWT } from 'jose';
import { createClient } from '../../src/access/clients.js';
import { face } from '../support/embeddings.js';
import { type TestAnswer, TestLethe, type TestTenant } from '../support/lethe.js';

const SESSIONS = '/v2/verification-session';
const UNKNOWN = '00000000-0000-4000-8000-000000000000';

let lethe: TestLethe;
let tenant: TestTenant;
let other: TestTenant;

beforeAll(async () => {
  lethe = await TestLethe.start();
  tenant = await lethe.tenant();
  other = await lethe.tenant();
  await lethe.enroll(tenant, 'ada', face('ada'));
});
afterAll(async () => {
  await lethe.close();
});

const pathOf = (sessionId: string, tail = '/result') => `${SESSIONS}/${sessionId}${tail}`;
const outcomeOf = ({ status, body }: TestAnswer) => [status, body['code']];

async function open(body: object = {}, of = tenant): Promise<string> {
  const created = await lethe.create(of, { type: 'VERIFY', uuid: 'ada', ...body });
  expect(created.status).toBe(201);
  return String(created.body['sessionId']);
}

/** A session that ended: as this face the person came. */
async function verified(as = 'ada', body: object = {}, of = tenant): Promise<string> {
  const sessionId = await open(body, of);
  expect((await lethe.submit(sessionId, 'verify', face(as))).status).toBe(200);
  return sessionId;
}

/** The result with which the browser comes back. */
async function broughtBack(sessionId: string): Promise<string> {
  const back = await lethe.call('GET', `/launch/${sessionId}/return`);
  return new URL(back.headers.get('location') ?? '').searchParams.get('result') ?? '';
}

async function redeem(
  sessionId: string,
  result: unknown,
  request: { body?: object; headers?: object } = {},
): Promise<TestAnswer> {
  const { body = {}, headers = tenant.credentials } = request;
  return await lethe.call('POST', pathOf(sessionId), { headers, body: { result, ...body } });
}

describe('a result that a browser brought back', () => {
  test('when it is redeemed, then the answer is what it says, and a second time there is none', async () => {
    const sessionId = await open({ type: 'verify' });
    const { body } = await lethe.call('GET', pathOf(sessionId, ''));
    const { nonce } = body['challenge'] as { nonce: string };
    await lethe.submit(sessionId, 'verify', face('ada'));
    const result = await broughtBack(sessionId);
    const redeemed = await redeem(sessionId, result);
    expect(redeemed.status).toBe(200);
    expect(redeemed.body).toEqual({
      sessionId,
      status: 'SUCCESS',
      type: 'verify',
      reason: 'success',
      nonce,
      origin: 'https://app.example',
      issuedAt: new Date(Number(decodeJwt(result).iat) * 1_000).toISOString(),
    });
    expect(redeemed.headers.get('cache-control')).toBe('no-store');
    expect(outcomeOf(await redeem(sessionId, result))).toEqual([409, 'RESULT_USED']);
  });

  const endings: Readonly<Record<string, (body: object) => Promise<string>>> = {
    success: async (body) => await verified('ada', body),
    failed: async (body) => await verified('a stranger', body),
    canceled: async (body) => {
      const sessionId = await open(body);
      await lethe.call('POST', pathOf(sessionId, '/cancel'), { headers: tenant.credentials });
      return sessionId;
    },
    expired: async (body) => {
      const sessionId = await open({ ...body, sessionExpiry: 30 });
      lethe.clock.advance(31_000);
      return sessionId;
    },
  };

  test.each(Object.entries(endings))(
    'when its session ended with %s, then the answer says so and for which origin',
    async (reason, end) => {
      const sessionId = await end({ failureUrl: 'https://sorry.example:8443/no' });
      const redeemed = await redeem(sessionId, await broughtBack(sessionId));
      expect(redeemed.status).toBe(200);
      const expected =
        reason === 'success'
          ? { status: 'SUCCESS', origin: 'https://app.example' }
          : { status: 'FAILED', origin: 'https://sorry.example:8443' };
      expect(redeemed.body).toMatchObject({ reason, ...expected });
    },
  );

  test('when it was a DELETE, then its result is redeemed too and names nobody', async () => {
    await lethe.enroll(tenant, 'erased', face('erased'));
    const deleted = await lethe.create(tenant, { type: 'DELETE', uuid: 'erased' });
    const sessionId = String(deleted.body['sessionId']);
    const redeemed = await redeem(sessionId, await broughtBack(sessionId));
    expect(redeemed.body).toMatchObject({ status: 'SUCCESS', type: 'DELETE' });
    expect(JSON.stringify(redeemed.body)).not.toContain('erased');
  });

  test('when the caller says which nonce and origin it expects, then both must be right', async () => {
    const sessionId = await verified();
    const result = await broughtBack(sessionId);
    const { nonce } = decodeJwt(result);
    const origin = 'https://app.example';
    for (const body of [
      { nonce: `${String(nonce)}x` },
      { nonce: '' },
      { origin: 'https://app.example/' },
      { origin: 'https://app.example:8443' },
      { nonce, origin: 'null' },
    ]) {
      const refused = await redeem(sessionId, result, { body });
      expect([body, ...outcomeOf(refused)]).toEqual([body, 400, 'RESULT_INVALID']);
    }
    expect((await redeem(sessionId, result, { body: { nonce, origin } })).status).toBe(200);
  });

  test('when its session leads the browser back twice, then each result counts once', async () => {
    const sessionId = await verified();
    const [first, second] = [await broughtBack(sessionId), await broughtBack(sessionId)];
    const codes = [];
    for (const result of [first, second, first, second])
      codes.push((await redeem(sessionId, result)).status);
    expect(codes).toEqual([200, 200, 409, 409]);
  });
});

describe('the one use of a result', () => {
  test('when 20 requests bring it at once, then exactly one is answered', async () => {
    const sessionId = await verified();
    const result = await broughtBack(sessionId);
    const answers = await Promise.all(Array.from({ length: 20 }, () => redeem(sessionId, result)));
    const codes = answers.map(({ status, body }) => `${String(status)} ${String(body['code'])}`);
    expect(codes.sort()).toEqual(['200 undefined', ...Array<string>(19).fill('409 RESULT_USED')]);
  });

  test('when two clients of the tenant bring it, then the second is too late', async () => {
    const { store, sealer, pepper, clock, reviews } = lethe.context;
    const { tenantId } = tenant;
    const deps = { store, sealer, pepper, clock, reviews };
    const { client, apiKey, clientSecret } = await createClient(deps, { tenantId, scopes: [] });
    const headers = { x_api_key: apiKey, clientID: client.clientId, clientSecret };
    const sessionId = await verified();
    const result = await broughtBack(sessionId);
    expect((await redeem(sessionId, result, { headers })).status).toBe(200);
    expect(outcomeOf(await redeem(sessionId, result))).toEqual([409, 'RESULT_USED']);
  });

  test('when the service was started again, then a used result is still used', async () => {
    const sessionId = await verified();
    const result = await broughtBack(sessionId);
    expect((await redeem(sessionId, result)).status).toBe(200);
    await lethe.stop();
    await lethe.open();
    expect(outcomeOf(await redeem(sessionId, result))).toEqual([409, 'RESULT_USED']);
  });

  test('when a request is repeated with its Idempotency-Key, then it gets the first answer, and no other request does', async () => {
    const sessionId = await verified();
    const [result, fresh] = [await broughtBack(sessionId), await broughtBack(sessionId)];
    const headers = { ...tenant.credentials, 'idempotency-key': 'lost-answer' };
    const first = await redeem(sessionId, result, { headers });
    const again = await redeem(sessionId, result, { headers });
    expect([first.status, again.status]).toEqual([200, 200]);
    expect(again.body).toEqual(first.body);
    const mixed = await redeem(sessionId, fresh, { headers });
    expect(outcomeOf(mixed)).toEqual([422, 'IDEMPOTENCY_MISMATCH']);
    expect(outcomeOf(await redeem(sessionId, result))).toEqual([409, 'RESULT_USED']);
    expect((await redeem(sessionId, fresh)).status).toBe(200);
  });

  test('when a refused request had an Idempotency-Key, then the key is free again', async () => {
    const sessionId = await verified();
    const headers = { ...tenant.credentials, 'idempotency-key': 'given-back' };
    expect((await redeem(sessionId, 'a.b.c', { headers })).status).toBe(400);
    const result = await broughtBack(sessionId);
    expect((await redeem(sessionId, result, { headers })).status).toBe(200);
  });
});

describe('the age of a result', () => {
  test('when most of its 120 seconds have passed, then it is redeemed', async () => {
    const sessionId = await verified();
    const result = await broughtBack(sessionId);
    const untilMs = Number(decodeJwt(result).exp) * 1_000;
    // The clock runs on: some seconds are left for a slow machine.
    lethe.clock.advance(untilMs - lethe.clock.nowMs() - 10_000);
    expect((await redeem(sessionId, result)).status).toBe(200);
  });

  test('when its 120 seconds have passed, then it is expired, used or not', async () => {
    const sessionId = await verified();
    const [unused, used] = [await broughtBack(sessionId), await broughtBack(sessionId)];
    expect((await redeem(sessionId, used)).status).toBe(200);
    lethe.clock.advance(120_000);
    for (const result of [unused, used])
      expect(outcomeOf(await redeem(sessionId, result))).toEqual([410, 'RESULT_EXPIRED']);
  });
});

describe('whose result it is', () => {
  test('when another tenant asks for the session, then it is as if there was none, and the result is left', async () => {
    const sessionId = await verified();
    const result = await broughtBack(sessionId);
    const { credentials: headers } = other;
    const foreign = await redeem(sessionId, result, { headers });
    const unknown = await redeem(UNKNOWN, result, { headers });
    expect(outcomeOf(unknown)).toEqual([404, 'SESSION_NOT_FOUND']);
    expect(foreign.status).toBe(404);
    expect({ ...foreign.body, requestId: '' }).toEqual({ ...unknown.body, requestId: '' });
    expect([...foreign.headers.keys()].sort()).toEqual([...unknown.headers.keys()].sort());
    expect((await redeem(sessionId, result)).status).toBe(200);
  });

  test('when it is brought to another session, of the tenant or not, then it is not its own', async () => {
    await lethe.enroll(other, 'ada', face('ada'));
    const own = await verified();
    const result = await broughtBack(own);
    const sibling = await redeem(await verified(), result);
    expect(outcomeOf(sibling)).toEqual([400, 'RESULT_INVALID']);
    const { credentials: headers } = other;
    const stolen = await redeem(await verified('ada', {}, other), result, { headers });
    expect(outcomeOf(stolen)).toEqual([400, 'RESULT_INVALID']);
    expect((await redeem(own, result)).status).toBe(200);
  });

  test('when the credentials are missing or wrong, then it is not looked at', async () => {
    const sessionId = await verified();
    const result = await broughtBack(sessionId);
    const { x_api_key } = tenant.credentials;
    for (const headers of [{}, { x_api_key }, { ...tenant.credentials, clientSecret: 'lcs_no' }]) {
      const refused = await redeem(sessionId, result, { headers });
      expect(outcomeOf(refused)).toEqual([401, 'UNAUTHENTICATED']);
    }
    expect((await redeem(sessionId, result)).status).toBe(200);
  });

  test('when the tenant takes API keys alone, then one is enough, as for every read', async () => {
    const lenient = await lethe.tenant({ authMode: 'apiKeyOnly' });
    await lethe.enroll(lenient, 'ada', face('ada'));
    const sessionId = await verified('ada', {}, lenient);
    const headers = { x_api_key: lenient.credentials.x_api_key };
    expect((await redeem(sessionId, await broughtBack(sessionId), { headers })).status).toBe(200);
  });

  test('when an SLC has the id of the result, then neither uses up the other, and it vouches for this body only', async () => {
    const sessionId = await verified();
    const result = await broughtBack(sessionId);
    const { jti = '' } = decodeJwt(result);
    const { x_api_key, clientID, clientSecret } = tenant.credentials;
    const slcFor = async (body: string, id: string) =>
      await new SignJWT({ body_sha256: createHash('sha256').update(body).digest('base64url') })
        .setProtectedHeader({ alg: 'HS256' })
        .setIssuer(clientID)
        .setSubject(clientID)
        .setAudience(lethe.url)
        .setIssuedAt(new Date(lethe.clock.nowMs()))
        .setExpirationTime(new Date(lethe.clock.nowMs() + 60_000))
        .setJti(id)
        .sign(Buffer.from(clientSecret));
    const text = JSON.stringify({ result });
    const send = async (SLC: string) =>
      await lethe.call('POST', pathOf(sessionId), { headers: { x_api_key, SLC }, text });
    expect((await send(await slcFor('{}', 'of-another-body'))).status).toBe(401);
    expect((await send(await slcFor(text, jti))).status).toBe(200);
    expect(outcomeOf(await send(await slcFor(text, 'fresh')))).toEqual([409, 'RESULT_USED']);
  });

  test('when wrong credentials keep coming, then they are limited', async () => {
    const limited = await TestLethe.start({ env: { AUTH_FAILURE_RATE_LIMIT: '3' } });
    try {
      const path = `${SESSIONS}/${UNKNOWN}/result`;
      const codes = [];
      for (let sent = 0; sent < 4; sent += 1)
        codes.push((await limited.call('POST', path, { body: { result: 'a.b.c' } })).status);
      expect(codes).toEqual([401, 401, 401, 429]);
    } finally {
      await limited.close();
    }
  });
});
