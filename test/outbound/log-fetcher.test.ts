import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, test } from '@jest/globals';
import { RESOURCE_LIMIT_BYTES } from '../../src/audit/reading/log-source.js';
import { createLogFetcher, type LogFetcher } from '../../src/outbound/log-fetcher.js';

const open: { server: Server; fetcher: LogFetcher }[] = [];

afterEach(async () => {
  for (const { server, fetcher } of open.splice(0)) {
    await fetcher.close();
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  }
});

/** A fetcher of what a server on loopback answers. */
async function fetcherOf(answer: RequestListener, { deadlineMs = 5_000 } = {}) {
  const asked: string[] = [];
  const server = createServer((request, response) => {
    asked.push(String(request.url));
    answer(request, response);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const url = `http://127.0.0.1:${String((server.address() as AddressInfo).port)}`;
  const fetcher = createLogFetcher(`${url}/some/log`, { deadlineMs });
  open.push({ server, fetcher });
  return { fetcher, asked, url };
}

describe('reading a log at its address', () => {
  test('when it is there, then its files are read under the prefix, byte for byte', async () => {
    const bytes = Buffer.from([0, 255, 10, 128]);
    const { fetcher, asked } = await fetcherOf((request, response) =>
      response.end(request.url?.endsWith('checkpoint') === true ? 'note\n' : bytes),
    );
    expect(await fetcher.checkpoint()).toBe('note\n');
    expect(await fetcher.resource('tile/0/x001/000.p/7')).toEqual(new Uint8Array(bytes));
    expect(asked).toEqual(['/some/log/checkpoint', '/some/log/tile/0/x001/000.p/7']);
  });

  test('when the answer is as long as the longest bundle, then it is read; when longer, then not', async () => {
    let lengthBytes = RESOURCE_LIMIT_BYTES;
    const { fetcher, url } = await fetcherOf((_, response) => {
      // Without a length, so that only what arrives tells.
      response.flushHeaders();
      response.end(Buffer.alloc(lengthBytes));
    });
    expect((await fetcher.resource('keys'))?.byteLength).toBe(RESOURCE_LIMIT_BYTES);
    lengthBytes += 1;
    await expect(fetcher.resource('keys')).rejects.toThrow(
      `${url}/some/log/keys cannot be read: the answer is too long`,
    );
  });

  test('when a file is not there, then there is nothing; when the checkpoint is not, then there is no log', async () => {
    const { fetcher, url } = await fetcherOf((_, response) => response.writeHead(404).end('none'));
    expect(await fetcher.resource('keys')).toBeUndefined();
    await expect(fetcher.checkpoint()).rejects.toThrow(`there is no log at ${url}/some/log`);
  });

  test('when the answer leads elsewhere, then it is not followed', async () => {
    const { fetcher, asked } = await fetcherOf((_, response) =>
      response.writeHead(302, { location: '/elsewhere' }).end(),
    );
    await expect(fetcher.resource('keys')).rejects.toThrow('the answer was 302');
    expect(asked).toEqual(['/some/log/keys']);
  });

  test.each([204, 206, 401, 429, 500, 503])(
    'when the answer is %i, then it is no file',
    async (status) => {
      const { fetcher } = await fetcherOf((_, response) => response.writeHead(status).end());
      await expect(fetcher.resource('keys')).rejects.toThrow(`the answer was ${String(status)}`);
    },
  );

  test('when the answer is compressed though that was not asked for, then it is not taken for the bytes', async () => {
    const { fetcher } = await fetcherOf((_, response) =>
      response.writeHead(200, { 'content-encoding': 'gzip' }).end('zipped'),
    );
    await expect(fetcher.resource('keys')).rejects.toThrow('the answer is compressed');
  });

  test('when the answer breaks off, then what came is not taken for all', async () => {
    const { fetcher } = await fetcherOf((_, response) => {
      response.writeHead(200, { 'content-length': '10' });
      response.write('half', () => response.destroy());
    });
    await expect(fetcher.resource('keys')).rejects.toThrow('cannot be read: UND_ERR_SOCKET');
  });

  test('when the answer does not come, or drips, then the wait ends', async () => {
    const silent = await fetcherOf(() => undefined, { deadlineMs: 100 });
    await expect(silent.fetcher.resource('keys')).rejects.toThrow('no answer in time');
    const dripping = await fetcherOf(
      (_, response) => {
        const timer = setInterval(() => response.write('.'), 20);
        response.once('close', () => {
          clearInterval(timer);
        });
      },
      { deadlineMs: 200 },
    );
    await expect(dripping.fetcher.resource('keys')).rejects.toThrow('no answer in time');
  });

  test('when nobody listens, then the sentence says so', async () => {
    const fetcher = createLogFetcher('http://127.0.0.1:1/log');
    await expect(fetcher.checkpoint()).rejects.toThrow(
      'http://127.0.0.1:1/log/checkpoint cannot be read: ECONNREFUSED',
    );
    await fetcher.close();
  });

  test.each([
    'lethe.example.com/log',
    'ftp://lethe.example.com/log',
    'https://user:secret@lethe.example.com/log',
    'https://lethe.example.com/log?x=1',
    'https://lethe.example.com/log#x',
    'https://',
    '',
  ])('when the address is %j, then it is refused', (prefix) => {
    expect(() => createLogFetcher(prefix)).toThrow(TypeError);
  });
});
