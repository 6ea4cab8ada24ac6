import { createHash, createPublicKey } from 'node:crypto';
import { chmodSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { createServer as createTcpServer } from 'node:net';
import { createServer as createTlsServer, type TLSSocket } from 'node:tls';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { SecretBytes } from '../../src/crypto/secret-bytes.js';
import { openShareChannel } from '../../src/outbound/share-channel.js';
import { openBlockFile } from '../../src/vault/roots/block-file.js';
import { createRemoteShare } from '../../src/vault/roots/remote-share.js';
import { printSlot, type RootSlot } from '../../src/vault/roots/root-slot.js';
import { type RootStore, RootStoreError } from '../../src/vault/roots/root-store.js';
import type { ShareTls } from '../../src/vault/roots/share-channel.js';
import { freePort } from '../support/free-port.js';
import { createAuthority } from '../support/mutual-tls.js';
import { startShareServer, type TestShareServer } from '../support/share-server.js';

const authority = createAuthority('shares');
const stranger = createAuthority('strangers');
const stores: RootStore[] = [];

afterEach(async () => {
  await Promise.all(stores.splice(0).map((store) => store.close()));
});

function connect(url: string, tls: Partial<ShareTls> = authority.client()): RootStore {
  const store = createRemoteShare({
    url,
    tls: { ca: authority.cert, ...tls } as ShareTls,
    openChannel: openShareChannel,
  });
  stores.push(store);
  return store;
}

/** A slot of which every byte of the share is the same. */
function slot(epoch: number, { fill = epoch, rootId = 'q83vEjRWeJA' } = {}): RootSlot {
  const share = SecretBytes.take(new Uint8Array(32).fill(fill));
  return { rootId, epoch, share, shareCount: 2, shareIndex: 1, escrowedUntilMs: 0 };
}

/** Epoch and first byte of the share. */
async function held(store: RootStore): Promise<[number, number | undefined][] | undefined> {
  const slots = await store.load();
  return slots?.map(({ epoch, share }) => [epoch, share.use((bytes) => bytes[0])]);
}

describe('a remote share', () => {
  let server: TestShareServer;
  beforeEach(async () => {
    server = await startShareServer({ authority });
  });
  afterEach(async () => {
    await server.close();
  });

  test('when it was never staged, then there is nothing, and asking leaves nothing behind', async () => {
    const share = connect(server.url);
    expect(await share.load()).toBeUndefined();
    expect((await share.preflight()).reason).toMatch(new RegExp(`^${server.url}: /.*\\.share `));
    expect(server.files()).toEqual([]);
  });

  test('when it is staged and wiped, then both slots, then the new one alone are held, all of it', async () => {
    const share = connect(server.url);
    await share.stage(slot(1));
    expect(await held(share)).toEqual([[1, 1]]);
    await share.stage({ ...slot(7), escrowedUntilMs: 1_900_000_000_000 });
    expect(await held(share)).toEqual([
      [7, 7],
      [1, 1],
    ]);
    await share.wipe({ epoch: 7 });
    await share.wipe({ epoch: 7 });
    expect(await held(share)).toEqual([[7, 7]]);
    expect((await share.load())?.[0]).toMatchObject({
      rootId: 'q83vEjRWeJA',
      escrowedUntilMs: 1_900_000_000_000,
      shareCount: 2,
      shareIndex: 1,
    });
  });

  test('when it is wiped, then the bytes of the old share are nowhere in the directory', async () => {
    const share = connect(server.url);
    const old = Buffer.alloc(32, 0xa1);
    await share.stage(slot(1, { fill: 0xa1 }));
    expect(server.bytes().includes(old)).toBe(true);
    await share.stage(slot(2, { fill: 0xb2 }));
    expect(server.bytes().includes(old)).toBe(true);
    await share.wipe({ epoch: 2 });
    expect(server.bytes().includes(old)).toBe(false);
    expect(server.bytes().includes(Buffer.alloc(32, 0xb2))).toBe(true);
    expect(server.files().map((file) => statSync(file).mode & 0o777)).toEqual([0o600]);
  });

  test('when the server starts again, then the same share is there, for the same client', async () => {
    const share = connect(server.url);
    await share.stage(slot(1));
    await server.stop();
    await expect(share.load()).rejects.toThrow(RootStoreError);
    const { directory, port } = server;
    server = await startShareServer({ authority, directory, port });
    expect(await held(share)).toEqual([[1, 1]]);
    await share.stage(slot(2));
    await share.wipe({ epoch: 2 });
    expect(await held(share)).toEqual([[2, 2]]);
  });

  test('when there are two clients, then neither sees or touches the share of the other', async () => {
    const [a, b] = [connect(server.url), connect(server.url)];
    await a.stage(slot(1, { fill: 0xaa }));
    expect(await b.load()).toBeUndefined();
    await b.stage(slot(1, { fill: 0xbb }));
    await b.stage(slot(2, { fill: 0xbc }));
    await b.wipe({ epoch: 2 });
    expect(await held(a)).toEqual([[1, 0xaa]]);
    await expect(a.wipe({ epoch: 2 })).rejects.toThrow('does not hold epoch 2');
    expect(await held(b)).toEqual([[2, 0xbc]]);
  });

  test('when the certificate is renewed for the same key, then the share is found again', async () => {
    const first = authority.client();
    await connect(server.url, first).stage(slot(1));
    const spki = createPublicKey(first.keyObject).export({ type: 'spki', format: 'der' });
    const fingerprint = createHash('sha256').update(spki).digest('hex');
    expect(server.files()).toEqual([`${server.directory}/${fingerprint}.share`]);
    const renewed = authority.client({ key: first.keyObject });
    expect(renewed.cert).not.toBe(first.cert);
    expect(await held(connect(server.url, renewed))).toEqual([[1, 1]]);
  });

  test('when two processes use one root, then the second hears so, and nothing changes', async () => {
    const identity = authority.client();
    const [a, b] = [connect(server.url, identity), connect(server.url, identity)];
    await a.stage(slot(1));
    await a.stage(slot(2, { fill: 0xaa }));
    const before = server.bytes();
    await expect(b.stage(slot(2, { fill: 0xbb }))).rejects.toThrow(
      `${server.url} is at epoch 2 already: another process has used this root; stop it and start again`,
    );
    await expect(b.stage(slot(1))).rejects.toThrow(RootStoreError);
    expect(server.bytes().equals(before)).toBe(true);
  });

  test('when two installations share a certificate, then the second root is refused', async () => {
    const identity = authority.client();
    await connect(server.url, identity).stage(slot(1));
    const other = connect(server.url, identity).stage(slot(2, { rootId: 'AAAAAAAAAAA' }));
    await expect(other).rejects.toThrow(
      /keeps the share of another root for this client; give each/,
    );
  });

  test('when an epoch is wiped for that is not held, then nothing is wiped', async () => {
    const share = connect(server.url);
    await expect(share.wipe({ epoch: 1 })).rejects.toThrow('does not hold epoch 1');
    await share.stage(slot(1));
    await share.stage(slot(2));
    const before = server.bytes();
    await expect(share.wipe({ epoch: 3 })).rejects.toThrow(
      `${server.url} does not hold epoch 3; nothing was wiped`,
    );
    expect(server.bytes().equals(before)).toBe(true);
  });

  test('when many epochs are staged at once, then they are taken one after the other', async () => {
    const share = connect(server.url);
    const epochs = Array.from({ length: 20 }, (_, index) => index + 1);
    const results = await Promise.allSettled(epochs.map((epoch) => share.stage(slot(epoch))));
    const staged = epochs.filter((_, index) => results[index]?.status === 'fulfilled');
    expect(staged.at(-1)).toBe(20);
    expect(await held(share)).toEqual(
      [...staged]
        .reverse()
        .slice(0, 2)
        .map((one) => [one, one]),
    );
  });

  test('when the file is damaged, then that is said, and it is not taken for a share never staged', async () => {
    const share = connect(server.url);
    await share.stage(slot(1));
    const [file = ''] = server.files();
    writeFileSync(file, readFileSync(file).fill(0xff));
    for (const call of [share.load(), share.stage(slot(2)), share.wipe({ epoch: 1 })]) {
      await expect(call).rejects.toThrow(
        `${server.url} cannot use the share that it keeps: ${file}`,
      );
    }
    expect(server.reports[0]).toMatch(/holds no whole root slot/);
  });

  test('when it keeps 1000 shares, then a new client is refused and an old one is not', async () => {
    const old = connect(server.url);
    await old.stage(slot(1));
    for (let count = 1; count < 1_000; count += 1) {
      writeFileSync(`${server.directory}/${count.toString(16).padStart(64, '0')}.share`, '');
    }
    await expect(connect(server.url).stage(slot(1))).rejects.toThrow(
      `${server.url} keeps 1000 shares, as many as it may`,
    );
    await old.stage(slot(2));
    expect(server.files()).toHaveLength(1_000);
  });

  test('when it is closed, then every call says so', async () => {
    const share = connect(server.url);
    await share.close();
    await expect(share.load()).rejects.toThrow(`${server.url} cannot be used any more`);
  });

  test.each([
    ['that another authority signed', () => stranger.client()],
    ['that has expired', () => authority.client({ notAfter: '010101000000Z' })],
    ['that is for servers', () => authority.server('127.0.0.1')],
    ['that it does not have', () => ({})],
  ])('when a client shows a certificate %s, then it is not served', async (_what, identity) => {
    const share = connect(server.url, identity());
    await expect(share.stage(slot(1))).rejects.toThrow(
      `${server.url} ended the connection without an answer: it does not take the certificate of this client, or`,
    );
    expect(server.files()).toEqual([]);
  });

  test.each([
    ['another authority signed', { ca: stranger.cert }, '127.0.0.1'],
    ['is for another name', {}, 'localhost'],
  ])('when the certificate of the server %s, then no share is sent', async (_what, tls, host) => {
    const url = server.url.replace('127.0.0.1', host);
    const share = connect(url, { ...authority.client(), ...tls });
    await expect(share.stage(slot(1))).rejects.toThrow(
      `${url} shows a certificate that cannot be trusted; let the authority`,
    );
    expect(server.files()).toEqual([]);
  });

  test('when nobody listens, then the error names the address', async () => {
    const url = `https://127.0.0.1:${(await freePort()).toString()}`;
    await expect(connect(url).load()).rejects.toThrow(
      `${url} cannot be reached; start the share server there, or set the address right`,
    );
    await expect(connect('https://no-such-host.invalid:1').load()).rejects.toThrow(
      'cannot be reached',
    );
  });
});

describe('a share server whose disk fails', () => {
  test.each([
    ['ENOSPC', /does not fit on its full disk; make room/],
    ['EROFS', /is on a read-only file system; mount it for writing/],
    ['EACCES', /cannot be read and written by this user/],
    ['EIO', /the disk reports an error; replace it/],
  ])(
    'when it says %s, then the client hears the reason, and the share stays as it was',
    async (code, reason) => {
      let isFailing = false;
      const server = await startShareServer({
        authority,
        open: (path, mode) => {
          const file = openBlockFile(path, mode);
          const write: typeof file.write = (bytes, atByte) => {
            if (isFailing) throw Object.assign(new Error(code), { code });
            file.write(bytes, atByte);
          };
          return { ...file, write };
        },
      });
      const share = connect(server.url);
      await share.stage(slot(1));
      isFailing = true;
      await expect(share.stage(slot(2))).rejects.toThrow(reason);
      await expect(share.stage(slot(2))).rejects.toThrow(server.url);
      expect(server.reports).toHaveLength(2);
      isFailing = false;
      expect(await held(share)).toEqual([[1, 1]]);
      await share.stage(slot(2));
      await share.wipe({ epoch: 2 });
      expect(await held(share)).toEqual([[2, 2]]);
      await server.close();
    },
  );

  test('when the file is open to others, then it is not used', async () => {
    const server = await startShareServer({ authority });
    const share = connect(server.url);
    await share.stage(slot(1));
    const [file = ''] = server.files();
    chmodSync(file, 0o644);
    await expect(share.load()).rejects.toThrow('can be read by others; set its mode to 0600');
    await server.close();
  });
});

describe('a remote share whose server is no share server', () => {
  let answer: string | Buffer | undefined;
  let url: string;
  const calls: string[] = [];
  const sockets = new Set<TLSSocket>();
  const server = createTlsServer({
    ...authority.server('127.0.0.1'),
    ca: authority.cert,
    requestCert: true,
  });

  beforeAll(async () => {
    server.on('secureConnection', (socket) => {
      sockets.add(socket);
      socket.on('error', () => undefined);
      socket.on('data', (data) => {
        calls.push(data.toString('latin1').split('\r\n')[0] ?? '');
        if (answer !== undefined) socket.end(answer);
      });
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    url = `https://127.0.0.1:${(server.address() as AddressInfo).port.toString()}`;
  });
  beforeEach(() => {
    calls.length = 0;
  });
  afterAll(async () => {
    for (const socket of sockets) socket.destroy();
    await new Promise((resolve) => server.close(resolve));
  });

  const http = (status: string, type: string, body: Buffer | string): Buffer =>
    Buffer.concat([
      Buffer.from(
        `HTTP/1.1 ${status}\r\nContent-Type: ${type}\r\nContent-Length: ${Buffer.byteLength(body).toString()}\r\n\r\n`,
      ),
      Buffer.from(body),
    ]);
  const octets = 'application/octet-stream';
  const page = (epoch: number): Buffer => printSlot(slot(epoch)).use((bytes) => Buffer.from(bytes));
  const torn = page(3);
  torn[40] = 0xff;

  test.each<[string, Buffer | string]>([
    ['a page of the web', http('200 OK', 'text/html', '<p>hello')],
    ['nothing found', http('404 Not Found', 'text/plain', 'none')],
    ['no content', 'HTTP/1.1 204 No Content\r\n\r\n'],
    ['an empty body', http('200 OK', octets, '')],
    ['one slot alone', http('200 OK', octets, page(1))],
    ['a byte too many', http('200 OK', octets, Buffer.concat([page(1), page(2), Buffer.of(0)]))],
    ['a torn slot', http('200 OK', octets, Buffer.concat([page(1), torn]))],
    ['an epoch twice', http('200 OK', octets, Buffer.concat([page(1), page(1)]))],
    ['slots as JSON', http('200 OK', 'application/json', Buffer.alloc(8192))],
    ['a redirect', 'HTTP/1.1 307 T\r\nLocation: /v1/other\r\nContent-Length: 0\r\n\r\n'],
    ['a sentence with a line break', http('409 C', 'text/plain', 'is\nroot: fine')],
    ['a sentence without end', http('500 E', 'text/plain', 'x'.repeat(2_000))],
  ])(
    'when it answers with %s, then that is an error and nothing is followed',
    async (_what, given) => {
      answer = given;
      const share = connect(url);
      const isRefused =
        /^https:\S+ does not answer as a share server of this release \(HTTP \d+\); set/;
      await expect(share.load()).rejects.toThrow(isRefused);
      await expect(share.stage(slot(1))).rejects.toThrow(isRefused);
      await expect(share.wipe({ epoch: 1 })).rejects.toThrow(isRefused);
      await expect(share.preflight()).rejects.toThrow(isRefused);
      expect(calls).toEqual([
        'GET /v1/share HTTP/1.1',
        'PUT /v1/share HTTP/1.1',
        'POST /v1/share/wipe HTTP/1.1',
        'GET /v1/share/preflight HTTP/1.1',
      ]);
    },
  );

  test.each<[string, Buffer | string]>([
    ['garbage', 'hello there\r\n\r\n'],
    ['more than 64 KiB', http('200 OK', octets, Buffer.alloc(65_537))],
    ['an endless header', `HTTP/1.1 200 OK\r\nX: ${'x'.repeat(70_000)}`],
  ])('when it answers with %s, then it is given up', async (_what, given) => {
    answer = given;
    await expect(connect(url).load()).rejects.toThrow(
      `${url} does not answer as a share server does`,
    );
  });

  test.each([
    ['an unknown verdict', '{"verdict":"fine","reason":"x"}'],
    ['no reason', '{"verdict":"keeps"}'],
    ['a reason with a line break', '{"verdict":"keeps","reason":"a\\nb"}'],
    ['no object', 'null'],
    ['half an object', '{"verdict":'],
  ])('when the verdict is %s, then it is not believed', async (_what, body) => {
    answer = http('200 OK', 'application/json', body);
    await expect(connect(url).preflight()).rejects.toThrow('does not answer as a share server');
  });

  test('when the answer is cut off, then it is not used', async () => {
    answer = http('200 OK', octets, Buffer.concat([page(2), page(1)])).subarray(0, 5_000);
    await expect(connect(url).load()).rejects.toThrow(`${url} ended the connection`);
  });

  test('when two slots come in the wrong order, then the highest epoch is first', async () => {
    answer = http('200 OK', octets, Buffer.concat([page(1), page(2)]));
    expect(await held(connect(url))).toEqual([
      [2, 2],
      [1, 1],
    ]);
  });

  test('when it never answers, then the call ends after five seconds', async () => {
    answer = undefined;
    const startMs = Date.now();
    await expect(connect(url).load()).rejects.toThrow(`${url} did not answer in time`);
    expect(Date.now() - startMs).toBeLessThan(7_000);
  });

  test('when an alert of TLS refuses the certificate of the client, then the error says so', async () => {
    const fatalUnknownCa = Buffer.from('15030300020230', 'hex');
    const alerting = createTcpServer((socket) => {
      socket.on('error', () => undefined);
      socket.once('data', () => socket.end(fatalUnknownCa));
    });
    await new Promise<void>((resolve) => alerting.listen(0, '127.0.0.1', resolve));
    const { port } = alerting.address() as AddressInfo;
    await expect(connect(`https://127.0.0.1:${port.toString()}`).load()).rejects.toThrow(
      'refuses the certificate of this client; let its --client-ca sign a valid one',
    );
    await new Promise((resolve) => alerting.close(resolve));
  });
});

describe('the configuration of a remote share', () => {
  test.each([
    'http://127.0.0.1:8443',
    'https://127.0.0.1:8443/shares',
    'https://127.0.0.1:8443/?a=b',
    'https://user:secret@127.0.0.1:8443',
    '127.0.0.1:8443',
    '',
  ])('when the address is %j, then it is refused without being repeated', (url) => {
    expect(() => connect(url)).toThrow(
      /^the address of a share server must be https:\/\/ with a host and a port/,
    );
  });

  test.each<[string, () => Partial<ShareTls>]>([
    ['an authority that is empty', () => ({ ...authority.client(), ca: '' })],
    ['an authority that is no PEM', () => ({ ...authority.client(), ca: 'nonsense' })],
    ['a certificate that is no PEM', () => ({ ...authority.client(), cert: 'nonsense' })],
    [
      'a key of another certificate',
      () => ({ ...authority.client(), key: authority.client().key }),
    ],
  ])('when it has %s, then it is refused at once', (_what, tls) => {
    expect(() => connect('https://127.0.0.1:8443', tls())).toThrow(
      /^https:\/\/127\.0\.0\.1:8443 cannot be called: the authority, the certificate or the key/,
    );
  });
});
