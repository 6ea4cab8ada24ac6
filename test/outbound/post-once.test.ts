import { createServer, type Server, type Socket } from 'node:net';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { Pool } from 'undici';
import { DeadlineError, postOnce } from '../../src/outbound/post-once.js';

const limits = { deadlineMs: 300, bodyBytes: 64, bodyMs: 300 };
const post = { path: '/x', headers: {}, body: Buffer.from('{}') };

let server: Server;
let pool: Pool;
let connections: number;
let onRequest: (socket: Socket) => void;
const sockets = new Set<Socket>();

beforeEach(async () => {
  connections = 0;
  server = createServer((socket) => {
    connections += 1;
    sockets.add(socket);
    socket.on('error', () => undefined);
    socket.on('data', () => {
      onRequest(socket);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as { port: number };
  pool = new Pool(`http://127.0.0.1:${port.toString()}`, { connections: 1 });
});

afterEach(async () => {
  await pool.destroy();
  for (const socket of sockets) socket.destroy();
  await new Promise((resolve) => server.close(resolve));
});

describe('one POST', () => {
  test('when interim answers come first, then the final one counts', async () => {
    onRequest = (socket) => {
      socket.write('HTTP/1.1 103 Early Hints\r\nlink: </x>\r\n\r\n');
      socket.write('HTTP/1.1 201 Created\r\nx-a: 1\r\ncontent-length: 0\r\n\r\n');
    };
    expect(await postOnce(pool, post, limits)).toMatchObject({
      status: 201,
      headers: { 'x-a': '1' },
    });
  });

  test('when the body goes beyond its limit, then the status counts and the connection ends', async () => {
    onRequest = (socket) => {
      socket.write(`HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\n${'x'.repeat(65)}`);
    };
    expect((await postOnce(pool, post, limits)).status).toBe(200);
    expect((await postOnce(pool, post, limits)).status).toBe(200);
    expect(connections).toBe(2);
  });

  test('when the body ends within its limit, then the connection is used again', async () => {
    onRequest = (socket) => {
      socket.write(`HTTP/1.1 200 OK\r\ncontent-length: 64\r\n\r\n${'x'.repeat(64)}`);
    };
    for (let count = 0; count < 3; count += 1) await postOnce(pool, post, limits);
    expect(connections).toBe(1);
  });

  test('when the head comes just in time and the body drips, then it ends at the deadline all the same', async () => {
    onRequest = (socket) => {
      setTimeout(() => {
        socket.write('HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nx');
      }, 200);
    };
    const patient = { ...limits, deadlineMs: 400, bodyMs: 60_000 };
    expect((await postOnce(pool, post, patient)).status).toBe(200);
    expect((await postOnce(pool, post, patient)).status).toBe(200);
    expect(connections).toBe(2);
  });

  test('when no answer comes in time, then it fails, and so does one that waits for the connection', async () => {
    onRequest = () => undefined;
    const both = await Promise.allSettled([
      postOnce(pool, post, limits),
      postOnce(pool, post, limits),
    ]);
    for (const outcome of both)
      expect(outcome).toMatchObject({ status: 'rejected', reason: expect.any(DeadlineError) });
    onRequest = (socket) => {
      socket.write('HTTP/1.1 204 No Content\r\n\r\n');
    };
    expect((await postOnce(pool, post, limits)).status).toBe(204);
  });

  test('when the dispatcher refuses the request, then it fails and nothing is sent', async () => {
    onRequest = () => undefined;
    const broken = { ...post, headers: { 'bad name': '1' } };
    await expect(postOnce(pool, broken, limits)).rejects.toThrow();
    expect(connections).toBe(0);
  });
});
