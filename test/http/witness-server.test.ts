import { gzipSync } from 'node:zlib';
import { afterEach, describe, expect, test } from '@jest/globals';
import { serveWitness } from '../../src/http/witness-server.js';
import { sendRaw } from '../support/raw-http.js';

const LIMIT_BYTES = 65_536;
const TEXT = 'text/plain; charset=utf-8';

type Decide = (body: Uint8Array) => Promise<{ status: number; contentType: string; text: string }>;

let closing: (() => Promise<void>)[] = [];
let reports: unknown[] = [];
let bodies: Buffer[] = [];

afterEach(async () => {
  for (const close of closing) await close();
  closing = [];
  reports = [];
  bodies = [];
});

/** A server whose witness answers this to everything. */
async function start(decide?: Decide): Promise<string> {
  const listener = await serveWitness({
    witness: {
      addCheckpoint: async (body) => {
        bodies.push(Buffer.from(body));
        return (await decide?.(body)) ?? { status: 200, contentType: TEXT, text: '— a b\n' };
      },
    },
    host: '127.0.0.1',
    port: 0,
    report: (error) => reports.push(error),
  });
  closing.push(async () => listener.close(100));
  return `http://127.0.0.1:${listener.port.toString()}`;
}

async function post(url: string, body: string | Buffer, headers = {}): Promise<Response> {
  return await fetch(`${url}/add-checkpoint`, { method: 'POST', body: Buffer.from(body), headers });
}

describe('the server of a witness', () => {
  test('when a checkpoint is posted under any media type, then the witness gets its bytes and its answer is sent', async () => {
    const url = await start();
    const body = Buffer.from('old 0\n\n\u00e9');
    for (const type of ['text/plain', 'application/json', 'application/x-www-form-urlencoded']) {
      const answer = await post(url, body, { 'content-type': type });
      expect(answer.status).toBe(200);
      expect(answer.headers.get('cache-control')).toBe('no-store');
      expect(await answer.text()).toBe('— a b\n');
    }
    expect(bodies.map((sent) => sent.equals(body))).toEqual([true, true, true]);
  });

  test.each([400, 403, 404, 409, 422])(
    'when the witness decides %d, then status, media type and text are its own',
    async (status) => {
      const url = await start(async () => ({
        status,
        contentType: 'text/x.tlog.size',
        text: '17\n',
      }));
      const answer = await post(url, 'x');
      expect(answer.status).toBe(status);
      expect(answer.headers.get('content-type')).toBe('text/x.tlog.size');
      expect(await answer.text()).toBe('17\n');
    },
  );

  test('when a request has no body, then the witness decides about none', async () => {
    const url = await start();
    await fetch(`${url}/add-checkpoint`, { method: 'POST' });
    expect(bodies).toEqual([Buffer.alloc(0)]);
  });

  test('when a body has 64 KiB, then it is taken, and one byte more is not, told or not', async () => {
    const url = await start();
    expect((await post(url, 'x'.repeat(LIMIT_BYTES))).status).toBe(200);
    expect((await post(url, 'x'.repeat(LIMIT_BYTES + 1))).status).toBe(413);
    const told = await sendRaw(url, [
      'POST /add-checkpoint HTTP/1.1\r\nHost: w\r\nContent-Length: 99999999999\r\n\r\n',
    ]);
    expect(told.status).toBe(413);
    const chunk = `${(LIMIT_BYTES / 2).toString(16)}\r\n${'x'.repeat(LIMIT_BYTES / 2)}\r\n`;
    const untold = await sendRaw(url, [
      'POST /add-checkpoint HTTP/1.1\r\nHost: w\r\nTransfer-Encoding: chunked\r\n\r\n',
      ...[chunk, chunk, chunk],
    ]);
    expect(untold.status).toBe(413);
    expect(bodies).toHaveLength(1);
  });

  test('when a body is compressed, then it is not taken', async () => {
    const url = await start();
    const answer = await post(url, gzipSync('x'), { 'content-encoding': 'gzip' });
    expect(answer.status).toBe(415);
    expect(bodies).toEqual([]);
  });

  test.each([
    ['GET', '/add-checkpoint', 405, 'POST'],
    ['PUT', '/add-checkpoint', 405, 'POST'],
    ['POST', '/health/live', 405, 'GET, HEAD'],
    ['POST', '/add-checkpoint/', 404, null],
    ['POST', '/Add-Checkpoint', 404, null],
    ['POST', '//add-checkpoint', 404, null],
    ['GET', '/', 404, null],
    ['GET', '/%ff', 404, null],
  ])('when it is sent %s %s, then it answers %d', async (method, path, status, allow) => {
    const url = await start();
    const answer = await fetch(url + path, { method });
    expect(answer.status).toBe(status);
    expect(answer.headers.get('allow')).toBe(allow);
    expect(answer.headers.get('content-type')).toBe(TEXT);
    expect(bodies).toEqual([]);
    expect(reports).toEqual([]);
  });

  test('when it is asked whether it lives, then it says so', async () => {
    const answer = await fetch(`${await start()}/health/live`);
    expect(answer.status).toBe(200);
    expect(await answer.text()).toBe('ok\n');
  });

  test('when the witness cannot keep what it cosigns, then it answers 500 without the reason, which is reported', async () => {
    const error = new Error('/var/lib/witness/x.json cannot be written');
    const url = await start(() => Promise.reject(error));
    const answer = await post(url, 'x');
    expect(answer.status).toBe(500);
    expect(await answer.text()).toBe('this witness failed; see what it printed\n');
    expect(reports).toEqual([error]);
    expect((await fetch(`${url}/health/live`)).status).toBe(200);
  });

  test('when an error claims to be the fault of the server with another status, then it answers 500', async () => {
    const url = await start(() => Promise.reject(Object.assign(new Error('x'), { status: 503 })));
    expect((await post(url, 'x')).status).toBe(500);
    expect(reports).toHaveLength(1);
  });

  test('when nothing can listen there, then it rejects', async () => {
    const options = { witness: { addCheckpoint: async () => Promise.reject(new Error('x')) } };
    const report = (): void => undefined;
    await expect(
      serveWitness({ ...options, host: '192.0.2.1', port: 0, report }),
    ).rejects.toMatchObject({ code: 'EADDRNOTAVAIL' });
  });

  test('when a caller sends its body too slowly, then the connection is ended', async () => {
    const url = await start();
    const head = 'POST /add-checkpoint HTTP/1.1\r\nHost: w\r\nContent-Length: 100\r\n\r\n';
    const parts = [head, ...Array.from({ length: 9 }, () => 'x')];
    const answer = await sendRaw(url, parts, { pauseMs: 1_000, quietMs: 8_000 });
    expect(answer.status).toBe(408);
    expect(bodies).toEqual([]);
  });
});
