import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { face } from '../support/embeddings.js';
import { TestLethe, type TestTenant } from '../support/lethe.js';

let lethe: TestLethe;
let tenant: TestTenant;

beforeAll(async () => {
  lethe = await TestLethe.start();
  tenant = await lethe.tenant({ displayName: 'Bank of Tests' });
});
afterAll(async () => {
  await lethe.close();
});

const pathOf = (answer: { body: Record<string, unknown> }, tail = '') =>
  `/v2/verification-session/${String(answer.body['sessionId'])}${tail}`;

describe('a session', () => {
  test('when its owner reads it, then it shows redirectURL, public key and challenge', async () => {
    const created = await lethe.create(tenant, { type: 'ENROLL' });
    const session = await lethe.call('GET', pathOf(created), { headers: tenant.credentials });
    expect(session.body).toEqual({
      sessionId: created.body['sessionId'],
      type: 'ENROLL',
      status: 'CREATED',
      redirectURL: 'https://app.example/done?keep=1#top',
      expiresAt: created.body['expiresAt'],
      publicKey: expect.stringContaining('BEGIN PUBLIC KEY'),
      challenge: {
        nonce: expect.stringMatching(/^[\w-]{43}$/),
        expiresAt: created.body['expiresAt'],
      },
    });
  });

  test('when somebody holds only its id, then they see what the launch page needs', async () => {
    const created = await lethe.create(tenant, { type: 'ENROLL' });
    const session = await lethe.call('GET', pathOf(created), {
      headers: { authorization: 'skip-auth' },
    });
    expect(session.status).toBe(200);
    expect(session.body).toMatchObject({ status: 'CREATED', displayName: 'Bank of Tests' });
    expect(session.body).not.toHaveProperty('redirectURL');
  });

  test('when another tenant or a wrong secret asks, then it is not told that the session exists', async () => {
    const created = await lethe.create(tenant, { type: 'ENROLL' });
    const other = await lethe.tenant();
    const foreign = await lethe.call('GET', pathOf(created), { headers: other.credentials });
    const unknown = await lethe.call(
      'GET',
      '/v2/verification-session/00000000-0000-4000-8000-000000000000',
      {
        headers: other.credentials,
      },
    );
    expect([foreign.status, unknown.status]).toEqual([404, 404]);
    expect({ ...foreign.body, requestId: '' }).toEqual({ ...unknown.body, requestId: '' });
    const wrong = await lethe.call('GET', pathOf(created), {
      headers: { ...tenant.credentials, clientSecret: 'wrong' },
    });
    expect(wrong.status).toBe(401);
  });

  test.each(['/webhook', '/webhook-payload'])(
    'when …%s is read, then it is IN_PROGRESS first and the final payload later',
    async (tail) => {
      const created = await lethe.create(tenant, { type: 'ENROLL' });
      const before = await lethe.call('GET', pathOf(created, tail), {
        headers: tenant.credentials,
      });
      expect(before.body).toEqual({ sessionId: created.body['sessionId'], status: 'IN_PROGRESS' });
      await lethe.submit(created.body['sessionId'], 'enroll', face(`payload ${tail}`));
      const after = await lethe.call('GET', pathOf(created, tail), { headers: tenant.credentials });
      expect(after.body).toEqual(await lethe.webhook(created.body['sessionId']));
      const redacted = await lethe.call('GET', pathOf(created, tail));
      expect(redacted.body).toEqual({ sessionId: created.body['sessionId'], status: 'SUCCESS' });
    },
  );

  test('when its time is over, then it is EXPIRED, its webhook says FAILED with -8, and it takes no template', async () => {
    const created = await lethe.create(tenant, { type: 'ENROLL', sessionExpiry: 30 });
    const challenge = await lethe.call('GET', pathOf(created));
    lethe.clock.advance(31_000);
    const refused = await lethe.call('POST', pathOf(created, '/enroll'), {
      body: {
        model: 'dlib-resnet-v1',
        embedding: 'AAAA',
        nonce: (challenge.body['challenge'] as { nonce: string }).nonce,
      },
    });
    expect([refused.status, refused.body['errorCodes']]).toEqual([410, [-8]]);
    const session = await lethe.call('GET', pathOf(created), { headers: tenant.credentials });
    expect(session.body['status']).toBe('EXPIRED');
    expect(session.body).not.toHaveProperty('challenge');
    expect(await lethe.webhook(created.body['sessionId'])).toMatchObject({
      status: 'FAILED',
      errors: [{ code: -8 }],
    });
  });

  test('when nobody looks at it again, then the sweeper expires it and fires the webhook', async () => {
    const created = await lethe.create(tenant, {
      type: 'VERIFY',
      uuid: await anyone(),
      sessionExpiry: 30,
    });
    lethe.clock.advance(31_000);
    expect(await lethe.webhook(created.body['sessionId'])).toMatchObject({
      status: 'FAILED',
      errors: [{ code: -8 }],
    });
  });

  test('when its owner cancels it, then it takes no template and the webhook says FAILED', async () => {
    const created = await lethe.create(tenant, { type: 'ENROLL' });
    const canceled = await lethe.call('POST', pathOf(created, '/cancel'), {
      headers: tenant.credentials,
    });
    expect([canceled.status, canceled.body['status']]).toEqual([200, 'success']);
    expect((await lethe.submit(created.body['sessionId'], 'enroll', face('x'))).status).toBe(409);
    expect(await lethe.webhook(created.body['sessionId'])).toMatchObject({ status: 'FAILED' });
    const again = await lethe.call('POST', pathOf(created, '/cancel'), {
      headers: tenant.credentials,
    });
    expect([again.status, again.body['code']]).toEqual([409, 'SESSION_ENDED']);
  });

  test('when another tenant cancels it, then it goes on', async () => {
    const created = await lethe.create(tenant, { type: 'ENROLL' });
    const other = await lethe.tenant();
    expect(
      (await lethe.call('POST', pathOf(created, '/cancel'), { headers: other.credentials })).status,
    ).toBe(404);
    expect((await lethe.call('POST', pathOf(created, '/cancel'))).status).toBe(401);
    expect((await lethe.call('GET', pathOf(created))).body['status']).toBe('CREATED');
  });

  test('when device data, feedback or an image come, then they are accepted, dropped, and it is IN_PROGRESS', async () => {
    const created = await lethe.create(tenant, { type: 'ENROLL' });
    const fields = {
      encryptedKey: 'AAAA',
      encryptedMessage: 'AAAA',
      iv: 'AAAA',
      gcmTag: 'AAAA',
      gcmAad: 'AAAA',
    };
    const collected = await lethe.call('POST', pathOf(created, '/collect'), { body: fields });
    const feedback = await lethe.call('POST', pathOf(created, '/feedback'), {
      body: { feedback: 'too dark' },
    });
    const image = await lethe.call('POST', pathOf(created, '/img'), {
      body: { data: 'canary-image-bytes' },
    });
    // An app of the public clients sends multipart without a boundary.
    const multipart = await fetch(`${lethe.url}${pathOf(created, '/img')}`, {
      method: 'POST',
      headers: { 'content-type': 'multipart/form-data' },
      body: Buffer.alloc(200_000, 7),
    });
    expect([collected.body, feedback.body, image.body, await multipart.json()]).toEqual(
      Array.from({ length: 4 }, () => ({ success: true })),
    );
    expect((await lethe.call('GET', pathOf(created))).body['status']).toBe('IN_PROGRESS');
    expect(
      (await lethe.submit(created.body['sessionId'], 'enroll', face('after collect'))).status,
    ).toBe(200);
  });

  test('when a browser of another origin asks, then CORS lets the in-session calls through and nothing else', async () => {
    const created = await lethe.create(tenant, { type: 'ENROLL' });
    const preflight = await lethe.call('OPTIONS', pathOf(created, '/enroll'), {
      headers: { origin: 'https://app.example', 'access-control-request-method': 'POST' },
    });
    expect(preflight.status).toBe(204);
    expect(preflight.headers.get('access-control-allow-origin')).toBe('*');
    expect(preflight.headers.get('access-control-allow-headers')).toMatch(
      /x_api_key.*|x-api-key.*/i,
    );
    expect(
      (await lethe.call('GET', pathOf(created))).headers.get('access-control-allow-origin'),
    ).toBe('*');
    const creation = await lethe.call('OPTIONS', '/v2/verification-session', {
      headers: { origin: 'https://app.example' },
    });
    expect(creation.headers.get('access-control-allow-origin')).toBeNull();
  });

  test('when an in-session call is repeated with its Idempotency-Key, then it gets the first answer', async () => {
    const created = await lethe.create(tenant, { type: 'ENROLL' });
    const session = await lethe.call('GET', pathOf(created));
    const { nonce } = session.body['challenge'] as { nonce: string };
    const { encoded } = await import('../support/embeddings.js');
    const request = {
      headers: { 'idempotency-key': '"once"' },
      body: { model: 'dlib-resnet-v1', embedding: encoded(face('idempotent')), nonce },
    };
    const first = await lethe.call('POST', pathOf(created, '/enroll'), request);
    const second = await lethe.call('POST', pathOf(created, '/enroll'), request);
    expect(second.status).toBe(200);
    expect(second.body).toEqual(first.body);
  });
});

async function anyone(): Promise<string> {
  const uuid = `anyone-${String(Math.random()).slice(2)}`;
  await lethe.enroll(tenant, uuid, face(uuid));
  return uuid;
}
