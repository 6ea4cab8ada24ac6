import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { face } from '../support/embeddings.js';
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

const pathOf = (sessionId: unknown) => `/v2/verification-session/${String(sessionId)}`;

describe('the words of one operation', () => {
  test('when a session runs, then call, session and webhook each keep their own vocabulary', async () => {
    const created = await lethe.create(tenant, { type: 'ENROLL', uuid: 'words' });
    const { sessionId } = created.body;
    expect(created.body).toMatchObject({ message: 'Success!', status: 'success' });
    expect(created.body).not.toHaveProperty('token');
    expect((await lethe.call('GET', pathOf(sessionId))).body['status']).toBe('CREATED');
    await lethe.submit(sessionId, 'enroll', face('words'));
    expect((await lethe.webhook(sessionId))['status']).toBe('SUCCESS');
  });

  test('when a subject is deleted, then one webhook says SUCCESS at its top and deleted inside', async () => {
    await lethe.enroll(tenant, 'gone', face('gone'));
    const before = lethe.receiver.received.length;
    const { body } = await lethe.create(tenant, { type: 'DELETE', uuid: 'gone', auditTag: 'tag' });
    expect(await lethe.webhook(body['sessionId'])).toMatchObject({
      sessionId: body['sessionId'],
      status: 'SUCCESS',
      type: 'DELETE',
      puid: 'gone',
      message: expect.any(String),
      errors: [],
      identificationResult: { uuid: 'gone', auditTag: 'tag', status: 'deleted' },
    });
    await new Promise((resolve) => setTimeout(resolve, 1_500));
    const about = lethe.receiver.received
      .slice(before)
      .filter(({ body: bytes }) => bytes.includes(String(body['sessionId'])));
    expect(about).toHaveLength(1);
  });

  test('when a DELETE names nobody, then it is 404; when it names somebody who was erased, then 200', async () => {
    await lethe.enroll(tenant, 'was-here', face('was-here'));
    const erase = async (uuid: string) =>
      (await lethe.create(tenant, { type: 'DELETE', uuid })).status;
    expect(await erase('never-here')).toBe(404);
    expect(await erase('was-here')).toBe(200);
    expect(await erase('was-here')).toBe(200);
  });
});

describe('callback.headers', () => {
  async function webhookHeaders(headers: Record<string, string>) {
    const { status, body } = await lethe.create(tenant, {
      type: 'ENROLL',
      callback: { url: lethe.receiver.url, headers },
    });
    if (status !== 201) return { status, body };
    await lethe.submit(body['sessionId'], 'enroll', face(JSON.stringify(headers)));
    await lethe.webhook(body['sessionId']);
    const request = lethe.receiver.received.find((candidate) =>
      candidate.body.includes(String(body['sessionId'])),
    );
    return { status, body, sent: request?.headers };
  }

  test.each(['authorization', 'Authorization', 'AUTHORIZATION'])(
    'when they hold %s, then it is sent',
    async (name) => {
      const { sent } = await webhookHeaders({ [name]: 'Bearer YOUR_TOKEN' });
      expect(sent).toMatchObject({ authorization: 'Bearer YOUR_TOKEN' });
    },
  );

  test.each(['Content-Type', 'content-type'])(
    'when they hold %s, then the body is application/json nevertheless',
    async (name) => {
      const { sent } = await webhookHeaders({ [name]: 'text/html' });
      expect(sent?.['content-type']).toMatch(/^application\/json/);
    },
  );

  test.each(['__proto__', 'constructor', 'toString'])(
    'when they hold %s, then it is one header among others',
    async (name) => {
      const headers = JSON.parse(`{"${name}":"plain","x-other":"sent"}`) as Record<string, string>;
      const { status, sent } = await webhookHeaders(headers);
      expect([status, sent?.['x-other']]).toEqual([201, 'sent']);
    },
  );

  test.each([
    'Host',
    'content-length',
    'Transfer-Encoding',
    'Connection',
    'webhook-id',
    'Webhook-Signature',
    'x-jws-signature',
    'Expect',
  ])('when they hold %s, then it is a 400 there', async (name) => {
    const { status, body } = await webhookHeaders({ [name]: 'x' });
    expect(status).toBe(400);
    expect(body).toMatchObject({
      code: 'INVALID_CALLBACK_HEADERS',
      errors: [{ pointer: `/callback/headers/${name}` }],
    });
  });

  test('when one name comes in two spellings, then it is a 400', async () => {
    const { status, body } = await webhookHeaders({ 'X-A': '1', 'x-a': '2' });
    expect([status, body['code']]).toEqual([400, 'INVALID_CALLBACK_HEADERS']);
  });

  test('when twenty of them are wrong, then the answer names ten, as the contract says', async () => {
    const names = Array.from({ length: 20 }, (_, index) => `webhook-${String(index)}`);
    const { status, body } = await webhookHeaders(Object.fromEntries(names.map((n) => [n, 'x'])));
    expect(status).toBe(400);
    expect(body['errors']).toHaveLength(10);
  });
});

describe('an image', () => {
  async function send(contentType: string, body: Uint8Array): Promise<number> {
    const { body: session } = await lethe.create(tenant, { type: 'ENROLL' });
    const headers = { 'content-type': contentType };
    const url = `${lethe.url}${pathOf(session['sessionId'])}/img`;
    return (await fetch(url, { method: 'POST', headers, body })).status;
  }

  test.each(['multipart/form-data', 'multipart/form-data; boundary=x', 'image/jpeg'])(
    'when it comes as %s, then it is accepted',
    async (contentType) => {
      expect(await send(contentType, Buffer.alloc(300_000, 1))).toBe(200);
    },
  );

  test('when it is larger than 10 MiB, then it is a 413', async () => {
    expect(await send('image/jpeg', Buffer.alloc(10 * 1024 * 1024 + 1))).toBe(413);
  });
});

describe('addresses where nothing is relaxed', () => {
  let strict: TestLethe;
  let owner: TestTenant;
  beforeAll(async () => {
    strict = await TestLethe.start({
      env: { ALLOWED_HTTP_CALLBACKS: '0', PRIVATE_CALLBACK_CIDRS: '' },
    });
    owner = await strict.tenant();
  });
  afterAll(async () => {
    await strict.close();
  });

  const good = 'https://hook.example/a';
  test.each([
    ['123', good, 'INVALID_CALLBACK_URL'],
    ['http://hook.example/a', good, 'INVALID_CALLBACK_URL'],
    ['https://127.0.0.1/a', good, 'INVALID_CALLBACK_URL'],
    ['https://[::ffff:10.0.0.1]/a', good, 'INVALID_CALLBACK_URL'],
    ['https://2130706433/a', good, 'INVALID_CALLBACK_URL'],
    ['https://user:pass@hook.example/', good, 'INVALID_CALLBACK_URL'],
    ['javascript:alert(1)', good, 'INVALID_CALLBACK_URL'],
    [good, 'www.google.com', 'INVALID_REDIRECT_URL'],
    [good, 'http://app.example/', 'INVALID_REDIRECT_URL'],
    [good, 'javascript:alert(1)', 'INVALID_REDIRECT_URL'],
    [good, '//app.example/', 'INVALID_REDIRECT_URL'],
  ])('when callback is %s and redirect is %s, then it is %s', async (url, redirectURL, code) => {
    const { status, body } = await strict.create(owner, {
      type: 'ENROLL',
      redirectURL,
      callback: { url },
    });
    expect([status, body['code']]).toEqual([400, code]);
  });

  test('when both are https and public, then the session opens', async () => {
    const body = { type: 'ENROLL', redirectURL: good, callback: { url: good } };
    expect((await strict.create(owner, body)).status).toBe(201);
  });
});
