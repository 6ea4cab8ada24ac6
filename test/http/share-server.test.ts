import type { IncomingMessage } from 'node:http';
import { request as httpRequest } from 'node:https';
import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { SecretBytes } from '../../src/crypto/secret-bytes.js';
import type { Shares } from '../../src/http/share-protocol.js';
import { listenForShares } from '../../src/http/share-server.js';
import { printSlot } from '../../src/vault/roots/root-slot.js';
import { createAuthority } from '../support/mutual-tls.js';
import { startShareServer, type TestShareServer } from '../support/share-server.js';

const authority = createAuthority('shares');
const client = authority.client();

interface Answer {
  readonly status: number | undefined;
  readonly headers: IncomingMessage['headers'];
  readonly body: Buffer;
}

interface Call {
  readonly method?: string;
  readonly path?: string;
  readonly headers?: Record<string, string>;
  readonly body?: Buffer | string;
}

/** A call as somebody makes it who has a certificate and bad manners. */
async function call(port: number, given: Call): Promise<Answer> {
  const { method = 'GET', path = '/v1/share', headers = {}, body } = given;
  return await new Promise((resolve, reject) => {
    const request = httpRequest(
      {
        host: '127.0.0.1',
        port,
        method,
        path,
        headers,
        ca: authority.cert,
        cert: client.cert,
        key: client.key,
        agent: false,
      },
      (response) => {
        const chunks: Buffer[] = [];
        response.on('data', (chunk: Buffer) => chunks.push(chunk));
        response.on('end', () => {
          const { statusCode: status, headers: answered } = response;
          resolve({ status, headers: answered, body: Buffer.concat(chunks) });
        });
      },
    );
    request.on('error', reject);
    request.end(body);
  });
}

const octets = { 'content-type': 'application/octet-stream' };
const json = { 'content-type': 'application/json' };

function page(epoch: number): Buffer {
  const share = SecretBytes.random(32);
  const slot = { rootId: 'q83vEjRWeJA', epoch, share, shareCount: 1, shareIndex: 0 };
  return printSlot({ ...slot, escrowedUntilMs: 0 }).use((bytes) => Buffer.from(bytes));
}

describe('the share server', () => {
  let server: TestShareServer;
  beforeAll(async () => {
    server = await startShareServer({ authority });
  });
  afterAll(async () => {
    await server.close();
  });

  test.each<[string, number, Call]>([
    ['an unknown path', 404, { path: '/' }],
    ['a path with a query', 404, { path: '/v1/share?a=b' }],
    ['a path with a slash too many', 404, { path: '/v1/share/' }],
    ['a path of another client', 404, { path: `/v1/share/${'0'.repeat(64)}` }],
    ['HEAD', 405, { method: 'HEAD' }],
    ['DELETE', 405, { method: 'DELETE' }],
    ['GET of wipe', 405, { path: '/v1/share/wipe' }],
    ['PUT of the preflight', 405, { path: '/v1/share/preflight', method: 'PUT' }],
    ['a slot without a type', 415, { method: 'PUT', body: page(1) }],
    ['a slot as JSON', 415, { method: 'PUT', headers: json, body: page(1) }],
    [
      'a compressed slot',
      415,
      { method: 'PUT', headers: { ...octets, 'content-encoding': 'gzip' }, body: page(1) },
    ],
    [
      'a slot in chunks',
      411,
      { method: 'PUT', headers: { ...octets, 'transfer-encoding': 'chunked' }, body: page(1) },
    ],
    ['no bytes', 400, { method: 'PUT', headers: { ...octets, 'content-length': '0' } }],
    ['half a slot', 400, { method: 'PUT', headers: octets, body: page(1).subarray(0, 2048) }],
    ['a slot of zeros', 400, { method: 'PUT', headers: octets, body: Buffer.alloc(4096) }],
    [
      'a byte more than a slot',
      413,
      { method: 'PUT', headers: octets, body: Buffer.concat([page(1), Buffer.of(0)]) },
    ],
    [
      'a gigabyte',
      413,
      { method: 'PUT', headers: { ...octets, 'content-length': '1000000000' }, body: page(1) },
    ],
  ])(
    'when it is sent %s, then it answers %d in text and keeps nothing',
    async (_w, status, given) => {
      const answer = await call(server.port, given);
      expect(answer.status).toBe(status);
      expect(answer.headers['content-type']).toBe('text/plain; charset=utf-8');
      expect(answer.headers['cache-control']).toBe('no-store');
      expect(server.files()).toEqual([]);
    },
  );

  test.each([
    '{"epoch": 1}',
    '{"epoch":"1"}',
    '{"epoch":01}',
    '{"epoch":-1}',
    '{"epoch":1.0}',
    '{"epoch":1e2}',
    '{"epoch":9999999999999999}',
    '{"epoch":1,"epoch":2}',
    '{"epoch":1}\n',
    '{}',
    'null',
    '',
    '\u00ff',
  ])('when the epoch is told as %j, then it answers 400', async (body) => {
    const headers = { ...json, 'content-length': Buffer.byteLength(body).toString() };
    const answer = await call(server.port, {
      method: 'POST',
      path: '/v1/share/wipe',
      headers,
      body,
    });
    expect(answer.status).toBe(400);
  });

  test('when a method is not taken, then it says which are', async () => {
    expect((await call(server.port, { method: 'POST' })).headers.allow).toBe('GET, PUT');
  });

  test('when a share is staged, read and wiped for, then every answer has the same length', async () => {
    const own = await startShareServer({ authority });
    const [first, second] = [page(1), page(2)];
    const wipe = { method: 'POST', path: '/v1/share/wipe', headers: json, body: '{"epoch":2}' };
    const nothing = Buffer.alloc(8192);
    const answers: Answer[] = [];
    for (const given of [
      {},
      { method: 'PUT', headers: octets, body: first },
      { method: 'PUT', headers: octets, body: second },
      {},
      wipe,
      {},
    ]) {
      answers.push(await call(own.port, given));
    }
    expect(answers.map(({ status }) => status)).toEqual([200, 200, 200, 200, 200, 200]);
    expect(answers.map(({ body }) => body.toString('hex'))).toEqual(
      [
        nothing,
        nothing,
        nothing,
        Buffer.concat([second, first]),
        nothing,
        Buffer.concat([second, Buffer.alloc(4096)]),
      ].map((bytes) => bytes.toString('hex')),
    );
    const headerBytes = answers.map(({ headers }) => JSON.stringify(headers).length);
    expect(new Set(headerBytes).size).toBe(1);
    await own.close();
  });
});

describe('a share server whose keeper fails', () => {
  const reports: string[] = [];
  afterEach(() => {
    reports.length = 0;
  });

  async function serve(shares: Partial<Shares>, given: Call): Promise<Answer> {
    const listener = await listenForShares({
      shares: shares as Shares,
      host: '127.0.0.1',
      port: 0,
      tls: { ...authority.server('127.0.0.1'), clientCa: authority.cert },
      report: (sentence) => reports.push(sentence),
    });
    try {
      return await call(listener.port, given);
    } finally {
      await listener.close(100);
    }
  }

  test('when it fails for an unknown reason, then the caller hears none of it', async () => {
    const error = Object.assign(new RangeError('where the secret lies'), { code: 'EMFILE' });
    const answer = await serve({ load: () => Promise.reject(error) }, {});
    expect(answer.status).toBe(500);
    expect(answer.body.toString()).toBe('failed; see what the share server printed');
    expect(reports).toEqual(['failed for a reason that nobody foresaw (RangeError, EMFILE)']);
  });

  test('when the bytes of a share were sent, then they are wiped', async () => {
    const secret = SecretBytes.random(8192);
    const sent = secret.use((bytes) => Buffer.from(bytes));
    const answer = await serve({ load: async () => ({ kind: 'done', value: secret }) }, {});
    expect(answer.body.equals(sent)).toBe(true);
    expect(() => secret.use(() => undefined)).toThrow('wiped');
  });

  test('when a slot was staged, then the bytes that came are wiped', async () => {
    let lent: Uint8Array | undefined;
    const stage: Shares['stage'] = async (_client, printed) => {
      lent = printed;
      return { kind: 'done', value: undefined };
    };
    await serve({ stage }, { method: 'PUT', headers: octets, body: page(1) });
    expect(lent).toEqual(new Uint8Array(4096));
  });

  test('when the client authority is no certificate, then nothing listens', async () => {
    const tls = { ...authority.server('127.0.0.1'), clientCa: 'nonsense' };
    const started = listenForShares({
      shares: {} as Shares,
      host: '127.0.0.1',
      port: 0,
      tls,
      report: () => undefined,
    });
    await expect(started).rejects.toThrow();
  });
});
