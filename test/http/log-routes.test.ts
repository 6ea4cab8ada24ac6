import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import express from 'express';
import { leafHash } from '../../src/audit/merkle/tree-hash.js';
import { verifyLogConsistency } from '../../src/audit/reading/verify-consistency.js';
import { verifyLog } from '../../src/audit/reading/verify-log.js';
import { createTreeReader } from '../../src/audit/tree-reader.js';
import { answerErrors, nothingHere } from '../../src/http/error-handler.js';
import type { Listener } from '../../src/http/listener.js';
import { logRoutes } from '../../src/http/log-routes.js';
import { nameRequest } from '../../src/http/request-id.js';
import { secureAnswers } from '../../src/http/security-headers.js';
import { listen } from '../../src/http/server.js';
import { createLogFetcher } from '../../src/outbound/log-fetcher.js';
import { capturedLog } from '../support/captured-log.js';
import { expectEnvelope } from '../support/envelope.js';
import { sendRaw } from '../support/raw-http.js';
import { found, SampleLog, sampleLeaf } from '../support/sample-log.js';

const FOR_EVER = 'public, max-age=31536000, immutable';

const listeners: Listener[] = [];
let log: SampleLog;
let url: string;
let kept: string;

async function serve(of: SampleLog): Promise<string> {
  const { store } = of;
  const app = express();
  app.disable('etag');
  app.use(secureAnswers());
  app.use(nameRequest());
  app.use(
    logRoutes({
      operations: {
        log: {
          reader: createTreeReader(store),
          keys: () => store.list(),
          newestCheckpoint: async () => {
            const head = await store.head();
            return head && { size: head.size, note: head.checkpoint };
          },
        },
      },
    }),
  );
  app.use(nothingHere());
  app.use(answerErrors(capturedLog().watch));
  const listener = await listen(app, { host: '127.0.0.1', port: 0 });
  listeners.push(listener);
  return `http://127.0.0.1:${String(listener.port)}`;
}

beforeAll(async () => {
  log = await SampleLog.of([Array.from({ length: 299 }, (_, index) => sampleLeaf(index))]);
  kept = log.checkpoint;
  await log.append(sampleLeaf(300));
  await log.rotate(60_000);
  url = await serve(log);
});

afterAll(async () => {
  await Promise.all(listeners.map((listener) => listener.close(100)));
});

async function get(path: string, init: RequestInit = {}) {
  const answer = await fetch(`${url}${path}`, init);
  const bytes = Buffer.from(await answer.arrayBuffer());
  return { status: answer.status, headers: answer.headers, bytes, text: bytes.toString() };
}

describe('what is there', () => {
  test('when the checkpoint is read, then it is the newest note, and no cache keeps it unasked', async () => {
    const answer = await get('/log/checkpoint');
    expect([answer.status, answer.text]).toEqual([200, log.checkpoint]);
    expect(answer.headers.get('content-type')).toBe('text/plain; charset=utf-8');
    expect(answer.headers.get('cache-control')).toBe('no-cache');
  });

  test('when the keys are read, then they are one a line, newest first', async () => {
    const answer = await get('/log/keys');
    const [first, second] = log.store.keys.map(({ vkey }) => vkey);
    expect([answer.status, answer.text]).toEqual([200, `${String(second)}\n${String(first)}\n`]);
    expect(answer.headers.get('content-type')).toBe('text/plain; charset=utf-8');
    expect(answer.headers.get('cache-control')).toBe('public, max-age=300');
  });

  test('when any published file is read, then it is that file, and may be kept for ever', async () => {
    const files = [...(await log.files())].filter(([path]) => path.startsWith('tile/'));
    expect(files).toHaveLength(5);
    for (const [path, bytes] of files) {
      const answer = await get(`/log/${path}`);
      expect(answer.status).toBe(200);
      expect(Buffer.compare(answer.bytes, bytes)).toBe(0);
      expect(answer.headers.get('content-type')).toBe('application/octet-stream');
      expect(answer.headers.get('cache-control')).toBe(FOR_EVER);
    }
  });

  test('when a partial tile of an earlier size is read, then it is there still', async () => {
    const full = await get('/log/tile/0/000');
    const partial = await get('/log/tile/0/000.p/3');
    expect([partial.status, partial.bytes.length]).toEqual([200, 96]);
    expect(Buffer.compare(partial.bytes, full.bytes.subarray(0, 96))).toBe(0);
    const leaves = await get('/log/tile/entries/000.p/2');
    const second = leaves.bytes.subarray(2 + leaves.bytes.readUInt16BE(0) + 2);
    expect(Buffer.compare(leafHash(second), full.bytes.subarray(32, 64))).toBe(0);
  });

  test.each(['/log/checkpoint', '/log/keys', '/log/tile/0/000'])(
    'when only the head of %s is asked for, then it is that of the whole',
    async (path) => {
      const [whole, head] = [await get(path), await get(path, { method: 'HEAD' })];
      expect([head.status, head.bytes.length]).toEqual([200, 0]);
      for (const name of ['content-length', 'content-type', 'cache-control'])
        expect(head.headers.get(name)).toBe(whole.headers.get(name));
    },
  );

  test('when a page of another origin reads it, then it may, and it asks first for nothing more', async () => {
    for (const path of ['/log/checkpoint', '/log/keys', '/log/tile/0/000', '/log/tile/0/999']) {
      const headers = { origin: 'https://verifier.example' };
      expect((await get(path, { headers })).headers.get('access-control-allow-origin')).toBe('*');
      const asked = await get(path, { method: 'OPTIONS', headers });
      expect(asked.status).toBe(204);
      expect(asked.headers.get('access-control-allow-methods')).toBe('GET');
    }
  });

  test('when it is verified over HTTP, then it is sound and continues what was kept', async () => {
    const logKeys = await log.keys();
    for (const prefix of [`${url}/log`, `${url}/log/`]) {
      const fetcher = createLogFetcher(prefix);
      expect(found(await verifyLog(fetcher, { logKeys, keptCheckpoint: kept }))).toEqual([]);
      const consistency = await verifyLogConsistency(fetcher, { logKeys, keptCheckpoint: kept });
      expect(consistency).toMatchObject({ problemCount: 0, fromSize: 300, toSize: 302 });
      await fetcher.close();
    }
  });
});

describe('what is not there', () => {
  test.each([
    ['a tile beyond the end', '/log/tile/0/002'],
    ['a tile that is not yet full', '/log/tile/0/001'],
    ['a wider tile than there is', '/log/tile/0/001.p/47'],
    ['a bundle beyond the end', '/log/tile/entries/001.p/47'],
    ['a level that has no full tile below', '/log/tile/2/000.p/1'],
    ['the highest level', '/log/tile/63/000.p/1'],
    ['a place that no number counts', '/log/tile/0/x999/x999/x999/x999/x999/999'],
    ['the largest place that a number counts', '/log/tile/0/x009/x007/x199/x254/x740/991'],
    ['a level above 63', '/log/tile/64/000'],
    ['a level with a zero before it', '/log/tile/00/000'],
    ['an index without its zeroes', '/log/tile/0/0'],
    ['a needless group', '/log/tile/0/x000/000'],
    ['width 0', '/log/tile/0/000.p/0'],
    ['width 256', '/log/tile/0/000.p/256'],
    ['a width with a zero before it', '/log/tile/0/000.p/01'],
    ['a slash too many', '/log/tile/0//000'],
    ['a slash at the end', '/log/tile/0/000/'],
    ['a percent-encoded digit', '/log/tile/0/%3000'],
    ['a percent-encoded slash', '/log/tile/0%2F000'],
    ['a broken percent-encoding', '/log/tile/0/%zz'],
    ['percent-encoded nothing', '/log/tile/0/%00'],
    ['no tile', '/log/tile/'],
    ['no level', '/log/tile/000'],
    ['an unknown level', '/log/tile/data/000'],
    ['capital letters', '/LOG/checkpoint'],
    ['something else of the log', '/log/pending'],
    ['the log as such', '/log'],
  ])('when it is %s, then it is a 404 in the envelope that nobody keeps', async (_, path) => {
    const answer = await get(path);
    expect(answer.status).toBe(404);
    expect(expectEnvelope(answer)).toBe('NOT_FOUND');
    expect(answer.headers.get('cache-control')).toBe('no-store');
  });

  test.each([
    '/log/tile/../../package.json',
    '/log/tile/0/../../../../etc/passwd',
    '/log/tile/%2e%2e/%2e%2e/etc/passwd',
    '/log/tile/..%2f..%2fpackage.json',
    '/log/tile/..\\..\\package.json',
    '/log/../log/checkpoint',
    '/log/tile/0/000\u0000',
  ])('when a way out is tried (%j), then it leads nowhere', async (path) => {
    const answer = await sendRaw(
      url,
      `GET ${path} HTTP/1.1\r\nHost: lethe\r\nConnection: close\r\n\r\n`,
    );
    expect([400, 404]).toContain(answer.status);
    expect(answer.text).not.toContain('root:');
    expect(answer.text).not.toContain('dependencies');
  });

  test.each(['/log/checkpoint', '/log/keys', '/log/tile/0/000'])(
    'when %s is to be changed, then it is a 405 that names what is allowed',
    async (path) => {
      for (const method of ['POST', 'PUT', 'DELETE', 'PATCH']) {
        const answer = await get(path, { method });
        expect([answer.status, answer.headers.get('allow')]).toEqual([405, 'GET']);
        expect(expectEnvelope(answer)).toBe('METHOD_NOT_ALLOWED');
      }
    },
  );

  test('when the log is empty, then it has keys and no checkpoint', async () => {
    const empty = await serve(await SampleLog.of([]));
    const answer = await fetch(`${empty}/log/checkpoint`);
    expect(answer.status).toBe(404);
    expect((await fetch(`${empty}/log/keys`)).status).toBe(200);
    expect((await fetch(`${empty}/log/tile/0/000.p/1`)).status).toBe(404);
  });

  test('when the store fails, then it is a 500 and not a 404', async () => {
    const failing = await SampleLog.of([[sampleLeaf(1)]]);
    failing.store.readSegments = () => Promise.reject(new Error('no store'));
    const broken = await serve(failing);
    expect((await fetch(`${broken}/log/tile/0/000.p/1`)).status).toBe(500);
  });
});
