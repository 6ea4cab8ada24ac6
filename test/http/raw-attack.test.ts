import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { CANARY, expectEnvelope, expectNothingInside } from '../support/envelope.js';
import { TestLethe, type TestTenant } from '../support/lethe.js';
import { rawPost, sendRaw } from '../support/raw-http.js';

const PATH = '/v2/verification-session';

let lethe: TestLethe;
let tenant: TestTenant;

beforeAll(async () => {
  lethe = await TestLethe.start();
  tenant = await lethe.tenant();
});
afterAll(async () => {
  // Nothing of all this may have stopped it.
  const created = await lethe.create(tenant, { type: 'SIGN-IN' });
  await lethe.close();
  expect(created.status).toBe(201);
});

const lines = (...parts: string[]) => parts.join('\r\n');
const post = (...headers: string[]) =>
  lines(`POST ${PATH} HTTP/1.1`, 'Host: lethe', 'Content-Type: application/json', ...headers);
const get = (...headers: string[]) =>
  lines(`GET ${PATH}/${CANARY} HTTP/1.1`, 'Host: lethe', ...headers);

describe('a request that is not well-formed', () => {
  test.each([
    [
      'has a Content-Length and a Transfer-Encoding',
      `${post('Content-Length: 4', 'Transfer-Encoding: chunked')}\r\n\r\n0\r\n\r\nGET /${CANARY} HTTP/1.1\r\n\r\n`,
    ],
    ['has two Content-Lengths', `${post('Content-Length: 2', 'Content-Length: 3')}\r\n\r\n{}x`],
    ['has a negative Content-Length', `${post('Content-Length: -1')}\r\n\r\n`],
    ['has a Content-Length that is no number', `${post(`Content-Length: ${CANARY}`)}\r\n\r\n`],
    ['has an unknown Transfer-Encoding', `${post('Transfer-Encoding: xchunked')}\r\n\r\n`],
    ['has chunked not last', `${post('Transfer-Encoding: chunked, identity')}\r\n\r\n0\r\n\r\n`],
    [
      'has a bad chunk',
      `${post('Transfer-Encoding: chunked')}\r\n\r\n${CANARY}\r\n{}\r\n0\r\n\r\n`,
    ],
    ['ends its lines with LF alone', get(`X-A: ${CANARY}`).replaceAll('\r\n', '\n').concat('\n\n')],
    ['folds a header', `${get('X-A: a', ` ${CANARY}`)}\r\n\r\n`],
    ['has a blank before a colon', `${get(`X-A : ${CANARY}`)}\r\n\r\n`],
    ['has a NUL in a header', `${get(`X-A: ${CANARY}\0`)}\r\n\r\n`],
    ['has a bare CR in a header', `${get(`X-A: a\r${CANARY}`)}\r\n\r\n`],
    ['has no colon in a header', `${get(CANARY)}\r\n\r\n`],
    ['has an unknown method', `${CANARY.toUpperCase()} / HTTP/1.1\r\nHost: a\r\n\r\n`],
    ['has a method in lower case', `get / HTTP/1.1\r\nHost: a\r\n\r\n`],
    ['has an unknown version', `GET /${CANARY} HTTP/9.9\r\nHost: a\r\n\r\n`],
    ['is of HTTP/2', 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'],
    ['is of TLS', Buffer.from('16030100a5010000a10303', 'hex').toString('latin1')],
    ['is not a request', `${CANARY}\r\n\r\n`],
    ['has a line break in its address', `GET /a\nb HTTP/1.1\r\nHost: a\r\n\r\n`],
    ['has no Host', `GET ${PATH}/x HTTP/1.1\r\nConnection: close\r\n\r\n`],
  ])(
    'when it %s, then it is a 400 in the envelope and the connection ends',
    async (_what, bytes) => {
      const answer = await sendRaw(lethe.url, bytes);
      expect(answer.status).toBe(400);
      expect(expectEnvelope({ status: answer.status, text: answer.body })).toBe('INVALID_HEADER');
      expect(answer.head).toMatch(/^content-type: application\/json/im);
      expect(answer.head).toMatch(/^connection: close/im);
      expect(answer.head).toMatch(/^x-request-id: [0-9a-f-]{36}\r?$/im);
    },
  );

  test('when a smuggled request hides behind a body, then one answer comes back', async () => {
    const hidden = `GET /${CANARY} HTTP/1.1\r\nHost: a\r\n\r\n`;
    const head = post('Content-Length: 4', 'Transfer-Encoding: chunked');
    const { text } = await sendRaw(lethe.url, `${head}\r\n\r\n0\r\n\r\n${hidden}`);
    expect(text.match(/HTTP\/1\.1 \d/g)).toHaveLength(1);
  });
});

describe('a request that is too large', () => {
  test.each([
    ['one header has 20,000 characters', get(`X-A: ${'a'.repeat(20_000)}`)],
    ['it has 5,000 headers', get(...Array.from({ length: 5_000 }, (_, n) => `a${String(n)}: b`))],
    ['its address has 20,000 characters', `GET /${'a'.repeat(20_000)} HTTP/1.1\r\nHost: a`],
  ])('when %s, then it is a 431 in the envelope', async (_what, bytes) => {
    const answer = await sendRaw(lethe.url, `${bytes}\r\n\r\n`);
    expect(answer.status).toBe(431);
    expect(expectEnvelope({ status: 431, text: answer.body })).toBe('HEADERS_TOO_LARGE');
  });

  test.each(['/', `${PATH}/`, '/launch/', '/launch-assets/', '/?a='])(
    'when the address %s… has 9,000 characters, then it is a 414',
    async (path) => {
      const answer = await lethe.call('GET', path + 'a'.repeat(9_000));
      expect([answer.status, answer.body['code']]).toEqual([414, 'URI_TOO_LONG']);
    },
  );
});

describe('a method or expectation that nobody serves', () => {
  test.each(['TRACE', 'PUT', 'PATCH', 'DELETE', 'PROPFIND', 'OPTIONS', 'HEAD'])(
    'when %s comes to the sessions, then it is a 405 that echoes nothing',
    async (method) => {
      const bytes = `${method} ${PATH} HTTP/1.1\r\nHost: a\r\nConnection: close\r\nX-A: ${CANARY}\r\n\r\n`;
      const { status, head, body } = await sendRaw(lethe.url, bytes);
      expect(status).toBe(405);
      expect(head).toMatch(/^allow: POST/im);
      expectNothingInside(head + body);
      if (method === 'HEAD') expect(body).toBe('');
      else expect(expectEnvelope({ status, text: body })).toBe('METHOD_NOT_ALLOWED');
    },
  );

  test('when HEAD comes to a resource, then it is the head of GET', async () => {
    const { status, head, body } = await sendRaw(
      lethe.url,
      'HEAD /v2/health HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n',
    );
    expect([status, body]).toEqual([200, '']);
    expect(head).toMatch(/^content-length: [1-9]/im);
  });

  test.each([
    ['an asterisk', 'OPTIONS *'],
    ['an absolute address', 'GET http://other.example/nothing'],
    ['another scheme', 'GET ftp://other.example/nothing'],
  ])('when the target is %s, then it is a 404 in the envelope', async (_what, start) => {
    const bytes = `${start} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n`;
    const { status, body } = await sendRaw(lethe.url, bytes);
    expect(expectEnvelope({ status, text: body })).toBe('NOT_FOUND');
  });

  test('when CONNECT comes, then the connection ends and no tunnel opens', async () => {
    const { text } = await sendRaw(lethe.url, 'CONNECT a.example:443 HTTP/1.1\r\nHost: a\r\n\r\n');
    expect(text).not.toMatch(/^HTTP\/1\.1 (2|5)/);
  });

  test.each(['websocket', 'h2c'])(
    'when %s is asked for, then it is not given',
    async (protocol) => {
      const bytes = get(`Upgrade: ${protocol}`, 'Connection: Upgrade', 'HTTP2-Settings: AAMAAABk');
      const { status, body } = await sendRaw(lethe.url, `${bytes}\r\n\r\n`);
      expect(expectEnvelope({ status, text: body.slice(0, body.lastIndexOf('}') + 1) })).toBe(
        'SESSION_NOT_FOUND',
      );
    },
  );

  test('when something else than 100-continue is expected, then it is an ordinary request', async () => {
    const bytes = rawPost(PATH, '{}', [`Expect: ${CANARY}`]);
    const { status, body } = await sendRaw(lethe.url, bytes);
    expect(expectEnvelope({ status, text: body })).toBe('VALIDATION_FAILED');
  });

  test.each(['X-HTTP-Method-Override', 'X-HTTP-Method', 'X-Method-Override'])(
    'when %s says DELETE or POST, then the method stays what it is',
    async (name) => {
      const { body } = await lethe.create(tenant, { type: 'SIGN-IN' });
      const path = `${PATH}/${String(body['sessionId'])}`;
      const headers = { ...tenant.credentials, [name]: 'POST' };
      const cancel = await lethe.call('GET', `${path}/cancel?_method=POST`, { headers });
      expect(cancel.status).toBe(405);
      expect((await lethe.call('GET', path, { headers })).body['status']).toBe('CREATED');
    },
  );
});

describe('a client that is slow or goes away', () => {
  test('when headers never end, or never begin, then the connection is closed with a 408 in time', async () => {
    const began = Date.now();
    const trickle = Array.from({ length: 30 }, (_, index) => `X-${String(index)}: a\r\n`);
    const slow = { quietMs: 9_000, pauseMs: 250 };
    const answers = await Promise.all([
      sendRaw(lethe.url, ['GET / HTTP/1.1\r\n', ...trickle], slow),
      sendRaw(lethe.url, ['GE'], { quietMs: 9_000 }),
      sendRaw(lethe.url, [], { quietMs: 9_000 }),
    ]);
    expect(Date.now() - began).toBeLessThan(8_900);
    for (const { status, body } of answers.slice(0, 2))
      expect(expectEnvelope({ status, text: body })).toBe('REQUEST_TIMEOUT');
  }, 15_000);

  test('when the client leaves in the middle of a body, then the next one is served', async () => {
    const body = JSON.stringify({ type: 'DELETE', uuid: CANARY });
    const cut = rawPost(PATH, body).slice(0, -5);
    await Promise.all(Array.from({ length: 20 }, () => sendRaw(lethe.url, cut, { quietMs: 20 })));
    expect((await lethe.call('GET', '/health/ready')).status).toBe(200);
  });

  test('when 50 requests come in one piece, then each gets its answer', async () => {
    const one = `GET ${PATH}/x HTTP/1.1\r\nHost: a\r\n\r\n`;
    const { text } = await sendRaw(lethe.url, one.repeat(50));
    expect(text.match(/HTTP\/1\.1 404 /g)).toHaveLength(50);
  });
});
