import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { connect } from 'node:net';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import express, { type NextFunction, type Request, type Response } from 'express';
import { ERRORS } from '../../src/errors/codes.js';
import { ServiceError } from '../../src/errors/service-error.js';
import { discardBody } from '../../src/http/discard-body.js';
import { BODY_LIMIT_BYTES, jsonBodyOf, readJsonBody } from '../../src/http/json-body.js';

const listening = { url: '', port: 0 };
let server: Server;

beforeAll(async () => {
  const app = express();
  app.all('/json', readJsonBody(), (request: Request, response: Response) => {
    const { bytes, value } = jsonBodyOf(request);
    response.json({ sizeBytes: bytes.length, value });
  });
  app.post('/unread', (request: Request, response: Response) => {
    response.json(jsonBodyOf(request));
  });
  app.post('/image', discardBody(1000), (_request: Request, response: Response) => {
    response.json({ success: true });
  });
  app.use((error: unknown, _request: Request, response: Response, _next: NextFunction) => {
    const code = error instanceof ServiceError ? error.code : 'INTERNAL';
    response.status(ERRORS[code].status).json({ code });
  });
  server = createServer(app);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  listening.port = (server.address() as AddressInfo).port;
  listening.url = `http://127.0.0.1:${String(listening.port)}`;
});

afterAll(async () => {
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
});

interface Sent {
  readonly method?: string;
  readonly path?: string;
  readonly headers?: Record<string, string>;
  readonly body?: string | Uint8Array;
}

async function send(request: Sent): Promise<{ status: number; body: unknown }> {
  const { method = 'POST', path = '/json', headers, body } = request;
  const response = await fetch(listening.url + path, {
    method,
    headers: headers ?? { 'content-type': 'application/json' },
    ...(body === undefined ? {} : { body }),
  });
  return { status: response.status, body: await response.json() };
}

/** Sends the exact bytes of a request and gives all that comes back. */
function sendRaw(lines: string[], body = ''): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect(listening.port, '127.0.0.1');
    let answer = '';
    socket.on('data', (chunk) => {
      answer += chunk.toString('latin1');
    });
    socket.on('end', () => {
      resolve(answer);
    });
    socket.on('error', reject);
    socket.write(`${lines.join('\r\n')}\r\n\r\n${body}`);
  });
}

describe('readJsonBody', () => {
  test('when the body is JSON, then the exact bytes and the value are given', async () => {
    const body = ' {"ä" : 1}\n';
    const sizeBytes = Buffer.byteLength(body);
    expect(await send({ body })).toEqual({ status: 200, body: { sizeBytes, value: { ä: 1 } } });
  });

  test.each(['DELETE', 'PUT', 'PATCH'])(
    'when the method is %s, then its body is read',
    async (method) => {
      const answer = await send({ method, body: '{"a":1}' });
      expect(answer).toEqual({ status: 200, body: { sizeBytes: 7, value: { a: 1 } } });
    },
  );

  test.each([
    'application/json',
    'APPLICATION/JSON',
    'application/json; charset=utf-8',
    'application/json;charset="UTF-8"',
    'application/json;',
  ])('when the media type is %s, then it is accepted', async (type) => {
    const answer = await send({ headers: { 'content-type': type }, body: '{}' });
    expect(answer.status).toBe(200);
  });

  test.each([
    'text/plain',
    'text/json',
    'application/x-www-form-urlencoded',
    'application/jsonp',
    'application/json; charset=utf-16',
    'application/json; charset=iso-8859-1',
    'application/json; charset=utf-8; charset=utf-16',
    'application/json; profile=x',
    'multipart/form-data; boundary=application/json',
    'application/vnd.api+json',
  ])('when the media type is %s, then it is a 415', async (type) => {
    const answer = await send({ headers: { 'content-type': type }, body: '{}' });
    expect(answer).toEqual({ status: 415, body: { code: 'UNSUPPORTED_MEDIA_TYPE' } });
  });

  test('when a body has no media type, then it is a 415', async () => {
    const body = new Uint8Array([0x7b, 0x7d]);
    expect((await send({ headers: {}, body })).status).toBe(415);
  });

  test.each(['gzip', 'br', 'deflate', 'gzip, identity', 'x'])(
    'when the content encoding is %s, then it is a 415',
    async (encoding) => {
      const headers = { 'content-type': 'application/json', 'content-encoding': encoding };
      expect((await send({ headers, body: '{}' })).status).toBe(415);
    },
  );

  test('when there is no body, then it is malformed JSON', async () => {
    expect(await send({})).toEqual({ status: 400, body: { code: 'MALFORMED_JSON' } });
    expect(await send({ headers: {} })).toEqual({ status: 400, body: { code: 'MALFORMED_JSON' } });
  });

  test('when the body is of the limit, then it is read, and one byte more is a 413', async () => {
    function filled(sizeBytes: number): string {
      return `"${'a'.repeat(sizeBytes - 2)}"`;
    }
    expect((await send({ body: filled(BODY_LIMIT_BYTES) })).status).toBe(200);
    expect(await send({ body: filled(BODY_LIMIT_BYTES + 1) })).toEqual({
      status: 413,
      body: { code: 'BODY_TOO_LARGE' },
    });
  });

  test('when a body of unknown length grows beyond the limit, then it is a 413', async () => {
    const head = ['POST /json HTTP/1.1', 'Host: a', 'Content-Type: application/json'];
    const chunk = 'a'.repeat(60_000);
    const size = chunk.length.toString(16);
    const answer = await sendRaw(
      [...head, 'Transfer-Encoding: chunked', 'Connection: close'],
      `${size}\r\n${chunk}\r\n${size}\r\n${chunk}\r\n0\r\n\r\n`,
    );
    expect(answer).toMatch(/^HTTP\/1\.1 413 /);
  });

  test('when a length beyond the limit is announced, then the 413 does not wait for it', async () => {
    const answer = await sendRaw([
      'POST /json HTTP/1.1',
      'Host: a',
      'Content-Type: application/json',
      'Content-Length: 999999999',
      'Connection: close',
    ]);
    expect(answer).toMatch(/^HTTP\/1\.1 413 /);
  });

  test('when two requests run at once, then each has its own body', async () => {
    const answers = await Promise.all([1, 2, 3].map((a) => send({ body: JSON.stringify({ a }) })));
    expect(answers.map(({ body }) => body)).toEqual(
      [1, 2, 3].map((a) => ({ sizeBytes: 7, value: { a } })),
    );
  });

  test('when a route asks for a body that nothing read, then that is a programming error', async () => {
    const answer = await send({ path: '/unread' });
    expect(answer).toEqual({ status: 500, body: { code: 'INTERNAL' } });
  });
});

describe('discardBody', () => {
  const multipart = { 'content-type': 'multipart/form-data' };

  test('when an image is small enough, then the route answers', async () => {
    const body = new Uint8Array(1000);
    expect(await send({ path: '/image', headers: multipart, body })).toEqual({
      status: 200,
      body: { success: true },
    });
    expect((await send({ path: '/image', headers: {} })).status).toBe(200);
  });

  test('when an image is too large, announced or not, then it is a 413', async () => {
    const body = new Uint8Array(1001);
    expect((await send({ path: '/image', headers: multipart, body })).status).toBe(413);
    const chunk = 'a'.repeat(600);
    const size = chunk.length.toString(16);
    const answer = await sendRaw(
      ['POST /image HTTP/1.1', 'Host: a', 'Transfer-Encoding: chunked', 'Connection: close'],
      `${size}\r\n${chunk}\r\n${size}\r\n${chunk}\r\n0\r\n\r\n`,
    );
    expect(answer).toMatch(/^HTTP\/1\.1 413 /);
  });
});
