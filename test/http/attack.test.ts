import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { brotliCompressSync, gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { createApp } from '../../src/http/app.js';
import type { Listener } from '../../src/http/listener.js';
import { listen } from '../../src/http/server.js';
import { capturedLog } from '../support/captured-log.js';
import { CANARY, expectEnvelope, expectNothingInside } from '../support/envelope.js';
import { TestLethe, type TestTenant } from '../support/lethe.js';
import { rawPost, sendRaw } from '../support/raw-http.js';

const PATH = '/v2/verification-session';
const log = capturedLog();

let lethe: TestLethe;
let tenant: TestTenant;

beforeAll(async () => {
  lethe = await TestLethe.start({ overrides: { watch: log.watch } });
  tenant = await lethe.tenant();
});
afterAll(async () => {
  await lethe.close();
});

interface Sent {
  readonly path?: string;
  readonly body?: string | Uint8Array;
  readonly headers?: Record<string, string>;
}

/** Sends a body with good credentials; returns the code of the envelope that came back. */
async function refusal({ path = PATH, body, headers }: Sent): Promise<string> {
  const response = await fetch(lethe.url + path, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...tenant.credentials, ...headers },
    ...(body !== undefined && { body }),
  });
  expect(response.headers.get('content-type')).toBe('application/json; charset=utf-8');
  return expectEnvelope({ status: response.status, text: await response.text() });
}

function goodBody(change: object = {}): object {
  const callback = { url: lethe.receiver.url };
  return { type: 'SIGN-IN', redirectURL: 'https://app.example/', callback, ...change };
}

const goodText = (change: object = {}) => JSON.stringify(goodBody(change));
const nested = (open: string, close: string, depth: number) =>
  open.repeat(depth) + close.repeat(depth);

describe('a body that is not the JSON it should be', () => {
  const withMember = (member: string) => goodText().replace(/^\{/, `{${member},`);

  test.each<[string, () => string | Uint8Array]>([
    ['has the type twice', () => withMember(`"type":"DELETE","uuid":"${CANARY}"`)],
    ['has the type twice, once escaped', () => withMember('"t\\u0079pe":"DELETE"')],
    ['has a key twice deep inside', () => withMember(`"x":[{"a":{"b":1,"b":"${CANARY}"}}]`)],
    ['has __proto__ twice', () => withMember('"__proto__":1,"__proto__":2')],
    ['is 10,000 arrays deep', () => withMember(`"x":${nested('[', ']', 10_000)}`)],
    [
      'is 10,000 objects deep',
      () => withMember(`"x":${'{"a":'.repeat(10_000)}1${'}'.repeat(10_000)}`),
    ],
    ['never closes 50,000 arrays', () => '['.repeat(50_000)],
    ['is missing', () => ''],
    ['is white space', () => ' \n'],
    ['is cut off', () => goodText().slice(0, -1)],
    ['has something after it', () => `${goodText()}${CANARY}`],
    ['has a comment', () => `/*${CANARY}*/${goodText()}`],
    ['is a form', () => `type=DELETE&uuid=${CANARY}`],
    ['is NaN', () => 'NaN'],
    ['begins with a byte order mark', () => `\ufeff${goodText()}`],
    ['is UTF-16', () => Buffer.from(goodText(), 'utf16le')],
    [
      'is UTF-32',
      () =>
        Buffer.from(goodText(), 'utf8').reduce(
          (all, byte) => Buffer.concat([all, Buffer.of(0, 0, 0, byte)]),
          Buffer.alloc(0),
        ),
    ],
    ['is Latin-1', () => Buffer.from(goodText({ note: 'ÄÖÜ' }), 'latin1')],
    [
      'has an overlong character',
      () => Buffer.from(goodText({ note: 'xx' }).replace('xx', 'Àa'), 'latin1'),
    ],
    ['is gzip without saying so', () => gzipSync(goodText())],
    [
      'is random bytes',
      () => Buffer.from(Array.from({ length: 999 }, (_, n) => (n * 151 + 128) % 256)),
    ],
  ])('when it %s, then it is malformed', async (_what, body) => {
    expect(await refusal({ body: body() })).toBe('MALFORMED_JSON');
  });

  test.each(['null', 'true', '1', '""', '[]', `["${CANARY}"]`, '{}', '[{"type":"DELETE"}]'])(
    'when it is %s, then it does not fit',
    async (body) => {
      expect(await refusal({ body })).toBe('VALIDATION_FAILED');
    },
  );

  test.each([
    ['text/plain', {}],
    ['application/x-www-form-urlencoded', {}],
    ['multipart/form-data; boundary=x', {}],
    ['application/json; charset=utf-16', {}],
    ['application/json; charset=iso-8859-1', {}],
    [`application/${CANARY}`, {}],
    ['application/json, text/html', {}],
    ['application/json', { 'content-encoding': 'gzip' }],
    ['application/json', { 'content-encoding': 'br' }],
    ['application/json', { 'content-encoding': 'deflate, gzip' }],
  ])('when it says %s %j, then it is a 415', async (type, headers) => {
    const compressed = 'content-encoding' in headers ? gzipSync(goodText()) : goodText();
    const sent = { 'content-type': type, ...(headers as Record<string, string>) };
    expect(await refusal({ body: compressed, headers: sent })).toBe('UNSUPPORTED_MEDIA_TYPE');
  });

  test('when it grows a thousandfold on decompression, then nobody decompresses it', async () => {
    const bomb = brotliCompressSync(Buffer.alloc(50_000_000));
    expect(await refusal({ body: bomb, headers: { 'content-encoding': 'br' } })).toBe(
      'UNSUPPORTED_MEDIA_TYPE',
    );
  });

  test.each([102_401, 1_000_000, 20_000_000])(
    'when it has %i bytes, then it is a 413',
    async (size) => {
      const padding = 'x'.repeat(Math.max(0, size - goodText({ x: '' }).length));
      const raw = rawPost(PATH, goodText({ x: padding }));
      const { status, body } = await sendRaw(lethe.url, raw, { quietMs: 2_000 });
      expect(expectEnvelope({ status, text: body })).toBe('BODY_TOO_LARGE');
    },
  );
});

describe('members named like parts of the language', () => {
  const names = ['__proto__', 'constructor', 'prototype', 'toString', 'hasOwnProperty', 'then'];

  test.each(names)(
    'when %s comes beside what is needed, then it is ignored and stays local',
    async (name) => {
      const text = goodText().replace(/^\{/, `{"${name}":{"isAdmin":true,"type":"DELETE"},`);
      const answer = await lethe.call('POST', PATH, { headers: tenant.credentials, text });
      expect(answer.status).toBe(201);
      expect(({} as Record<string, unknown>)['isAdmin']).toBeUndefined();
    },
  );

  test('when __proto__ holds what is missing, then it is still missing', async () => {
    const body = `{"__proto__":${goodText()}}`;
    expect(await refusal({ body })).toBe('VALIDATION_FAILED');
    const target = goodText({ type: 'DELETE' }).replace(/^\{/, '{"__proto__":{"uuid":"someone"},');
    expect(await refusal({ body: target })).toBe('VALIDATION_FAILED');
  });

  test.each(['1e400', '-1e400', '1e-400', '9'.repeat(400), '0.1e1', '-0'])(
    'when a number is %s, then an expiry of it is refused and a key of it is a key',
    async (number) => {
      const unknown = goodText({ unknown: 0 }).replace('"unknown":0', `"unknown":${number}`);
      const headers = {
        ...tenant.credentials,
        'idempotency-key': `number ${number}`.slice(7, 200),
      };
      const answer = await lethe.call('POST', PATH, { headers, text: unknown });
      expect(answer.status).toBe(201);
      const expiry = unknown.replace('"unknown"', '"sessionExpiry"');
      expect(await refusal({ body: expiry })).toBe('VALIDATION_FAILED');
    },
  );
});

describe('addresses', () => {
  test.each([
    '/%',
    '/%ff',
    '/%00',
    '/%E0%A4%A',
    '/..%2f..%2fpackage.json',
    '/v2',
    '/V2/verification-session',
    '/v2//verification-session',
    '/v2/verification-session/%ff',
    '/v2/verification-session/%c0%ae',
    '/v2/verification-session/%00',
    '/v2/verification-session/__proto__',
    '/v2/verification-session/constructor/webhook',
    '/v2/verification-session/x/webhook/',
    '/v2/verification-session/a%2fb',
    "/v2/verification-session/'%20OR%20'1'='1",
    `/v2/verification-session/${CANARY}?x[__proto__][y]=1&x[]=2`,
    '/launch-assets/',
    '/launch-assets/%00',
    '/launch-assets/%ff',
    '/?__proto__=1',
    '/metrics/x',
    '/.env',
    '/.git/config',
  ])('when %s is asked for, then it is a 404 in the envelope', async (path) => {
    const { status, body } = await sendRaw(
      lethe.url,
      `GET ${path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n`,
    );
    expect(status).toBe(404);
    expect(expectEnvelope({ status, text: body })).toMatch(/^(SESSION_)?NOT_FOUND$/);
  });

  test('when the launch page of nobody is asked for, then it is a page without what was asked', async () => {
    const answer = await lethe.call('GET', `/launch/%3Cscript%3E${CANARY}`);
    expect(answer.status).toBe(404);
    expectNothingInside(JSON.stringify(answer.body));
  });
});

describe('files of the launch page', () => {
  let outside: string;
  let listener: Listener;
  let url: string;

  beforeAll(async () => {
    outside = mkdtempSync(join(tmpdir(), 'lethe-attack-'));
    mkdirSync(join(outside, 'web', 'sub'), { recursive: true });
    writeFileSync(join(outside, 'secret.txt'), CANARY);
    writeFileSync(join(outside, 'web', '.hidden'), CANARY);
    writeFileSync(join(outside, 'web', 'launch.css'), 'main{}');
    const app = createApp({ ...lethe.context.http, webDir: join(outside, 'web') });
    listener = await listen(app, { host: '127.0.0.1', port: 0 });
    url = `http://127.0.0.1:${String(listener.port)}`;
  });
  afterAll(async () => {
    await listener.close(100);
    rmSync(outside, { recursive: true });
  });

  async function ask(path: string, ...headers: string[]) {
    const head = [
      `GET /launch-assets/${path} HTTP/1.1`,
      'Host: a',
      'Connection: close',
      ...headers,
    ];
    return await sendRaw(url, `${head.join('\r\n')}\r\n\r\n`);
  }

  test('when one is asked for, then it comes', async () => {
    expect(await ask('launch.css')).toMatchObject({ status: 200, body: 'main{}' });
  });

  test.each([
    '../secret.txt',
    '..%2fsecret.txt',
    '%2e%2e/secret.txt',
    '%2e%2e%2fsecret.txt',
    '..%5csecret.txt',
    'sub/../../secret.txt',
    'sub/%2e%2e/%2e%2e/secret.txt',
    '....//secret.txt',
    '.hidden',
    '/etc/passwd',
    '%2fetc%2fpasswd',
    'launch.css%00.txt',
    'launch.css/',
    `${'a/'.repeat(300)}x`,
    'a'.repeat(300),
    'sub/',
    'sub',
  ])('when %s is asked for, then it is a 404', async (path) => {
    const { status, body } = await ask(path);
    expect(expectEnvelope({ status, text: body })).toBe('NOT_FOUND');
  });

  test.each([
    'Range: bytes=900-',
    'Range: bytes=0-,0-,0-',
    'If-Match: "x"',
    'If-Unmodified-Since: Sat, 01 Jan 2000 00:00:00 GMT',
  ])('when it is asked for with %s, then it comes all the same', async (header) => {
    expect(await ask('launch.css', header)).toMatchObject({ status: 200, body: 'main{}' });
  });
});

describe('the log of all this', () => {
  test('when everything was tried, then it holds no canary, no failure and one JSON value a line', () => {
    expect(log.text()).not.toContain(CANARY);
    const lines = log.text().trimEnd().split('\n');
    const seen = lines.map((line) => JSON.parse(line) as Record<string, unknown>);
    expect(seen.filter(({ level }) => level === 'error')).toEqual([]);
    expect(seen.length).toBeGreaterThan(80);
  });
});
