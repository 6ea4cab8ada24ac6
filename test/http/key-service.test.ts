import { existsSync, lstatSync, readFileSync, writeFileSync } from 'node:fs';
import { request as httpRequest } from 'node:http';
import { type ConnectionOptions, connect as tlsConnect } from 'node:tls';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { SecretBytes } from '../../src/crypto/secret-bytes.js';
import { serveVault } from '../../src/http/key-service.js';
import type { VaultTls } from '../../src/vault/service/vault-channel.js';
import { createVaultService } from '../../src/vault/service/vault-service.js';
import { printMessage } from '../../src/vault/service/wire.js';
import { KeyServiceBench, sealText, unavailable } from '../support/key-service.js';
import { textOf } from '../support/memory-vault.js';
import { createAuthority } from '../support/mutual-tls.js';

let bench: KeyServiceBench;
beforeEach(() => {
  bench = new KeyServiceBench();
});
afterEach(async () => {
  await bench.close();
});

/** One HTTP request over the socket, as anybody might send it. */
async function raw(
  socketPath: string,
  call: {
    method?: string;
    path?: string;
    headers?: Record<string, string>;
    body?: Uint8Array | string;
  } = {},
): Promise<{ status: number; headers: Record<string, unknown>; text: string }> {
  const { method = 'POST', path = '/v1/vault', body } = call;
  const headers = { 'content-type': 'application/octet-stream', ...call.headers };
  return await new Promise((resolve, reject) => {
    const request = httpRequest({ socketPath, method, path, headers }, (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('end', () => {
        const text = Buffer.concat(chunks).toString();
        resolve({ status: response.statusCode ?? 0, headers: response.headers, text });
      });
    });
    request.on('error', reject);
    request.end(body);
  });
}

describe('the socket of a key service', () => {
  test('when it listens, then only its user may connect', async () => {
    const { path } = await bench.serve();
    expect(lstatSync(path).mode & 0o777).toBe(0o600);
  });

  test('when another service listens there, then the second one does not start and the first one goes on', async () => {
    const { path, remote } = await bench.pair();
    await expect(bench.serve({ path })).rejects.toThrow(`another process listens on ${path}`);
    await expect(remote.check()).resolves.toBeUndefined();
  });

  test('when a file is there that is no socket, then it is left alone', async () => {
    const path = bench.socketPath();
    writeFileSync(path, 'precious');
    await expect(bench.serve({ path })).rejects.toThrow(`${path} is not a socket`);
    expect(readFileSync(path, 'utf8')).toBe('precious');
  });

  test('when the directory is not there, then the sentence says so', async () => {
    const path = `${bench.socketPath()}.d/vault.sock`;
    await expect(bench.serve({ path })).rejects.toThrow('its directory must exist and be writable');
  });

  test('when the service is closed, then calls under way end well and the socket is gone', async () => {
    const { path, listener, remote } = await bench.pair();
    await remote.check();
    bench.vault.fault = 'hang';
    const underWay = remote.roots();
    await new Promise((resolve) => setTimeout(resolve, 50));
    const closed = listener.close(5_000);
    bench.vault.resume();
    await expect(underWay).resolves.toHaveLength(1);
    const before = performance.now();
    await closed;
    expect(performance.now() - before).toBeLessThan(1_000);
    expect(existsSync(path)).toBe(false);
  });
});

describe('requests that no caller of this release makes', () => {
  const body = printMessage({ kind: 'request', method: 'check', fields: [] }).use((bytes) =>
    Buffer.from(bytes),
  );

  test('when the request is as it should be, then the answer is a message', async () => {
    const { path } = await bench.serve();
    const answer = await raw(path, { body });
    expect(answer).toMatchObject({ status: 200, text: 'LVA1\u0007\0\0\0\0' });
    expect(answer.headers['content-type']).toBe('application/octet-stream');
  });

  test.each([
    ['garbage', { body: 'garbage' }, 400],
    ['an empty body', { body: '', headers: { 'content-length': '0' } }, 400],
    ['JSON', { body: '{}', headers: { 'content-type': 'application/json' } }, 415],
    ['chunks', { body, headers: { 'transfer-encoding': 'chunked' } }, 411],
    [
      'too much',
      { body: '', headers: { 'content-length': (8 * 1024 * 1024 + 1).toString() } },
      413,
    ],
    ['another path', { path: '/v2/vault', body }, 404],
    ['another method', { method: 'PUT', body }, 405],
    ['a POST to the health', { path: '/health/ready', body }, 405],
  ])(
    'when %s comes, then it is refused and the vault is not called',
    async (_what, call, status) => {
      const { path, remote } = await bench.pair();
      const answer = await raw(path, call);
      expect(answer.status).toBe(status);
      expect(answer.headers['content-type']).toBe('text/plain; charset=utf-8');
      expect(bench.vault.calls).toEqual([]);
      await expect(remote.check()).resolves.toBeUndefined();
      expect(bench.reported).toEqual([]);
    },
  );

  test('when a caller goes away in the middle of its request, then nothing is reported', async () => {
    const { path, remote } = await bench.pair();
    const request = httpRequest({
      socketPath: path,
      method: 'POST',
      path: '/v1/vault',
      headers: { 'content-type': 'application/octet-stream', 'content-length': '1000' },
    });
    request.on('error', () => undefined);
    request.write('LVQ1');
    await new Promise((resolve) => setTimeout(resolve, 50));
    request.destroy();
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(bench.reported).toEqual([]);
    await expect(remote.check()).resolves.toBeUndefined();
  });

  test('when the health is asked for, then it says whether anything could be opened, and why not', async () => {
    const { path } = await bench.serve({ deadlineMs: 200 });
    const ready = () => raw(path, { method: 'GET', path: '/health/ready' });
    expect(await ready()).toMatchObject({ status: 200, text: '{"status":"ok"}' });
    bench.vault.fault = new Error('the root is not there; mount it');
    expect(await ready()).toMatchObject({
      status: 503,
      text: '{"status":"unavailable","message":"the root is not there; mount it"}',
    });
    bench.vault.fault = 'hang';
    expect((await ready()).status).toBe(503);
  });
});

describe('what the service holds of a message', () => {
  /** Answers every request with the bytes "an answer" when it is let. */
  async function serveHeld(deadlineMs = 5_000): Promise<{
    path: string;
    lent: () => Uint8Array;
    answer: SecretBytes;
    letGo: () => void;
  }> {
    const path = bench.socketPath();
    const answer = SecretBytes.take(Buffer.from('an answer'));
    const bytes: Uint8Array[] = [];
    let letGo: () => void = () => undefined;
    const held = new Promise<void>((resolve) => {
      letGo = resolve;
    });
    const service = {
      answer: async (message: Uint8Array) => {
        bytes.push(message);
        expect(Buffer.from(message).toString()).toBe('a request');
        await held;
        return answer;
      },
      check: async () => undefined,
    };
    const listenOn = { socketPath: path };
    const { report } = bench;
    bench.closing(await serveVault(service, { listenOn, report, deadlineMs }));
    return { path, lent: () => bytes[0]!, answer, letGo };
  }

  const isWiped = (lent: Uint8Array) => lent.byteLength > 0 && lent.every((byte) => byte === 0);
  const pause = () => new Promise((resolve) => setTimeout(resolve, 50));

  test('when the answer was sent, then the request and the answer are wiped', async () => {
    const { path, lent, answer, letGo } = await serveHeld();
    const memory = answer.use((bytes) => bytes);
    letGo();
    expect(await raw(path, { body: 'a request' })).toMatchObject({
      status: 200,
      text: 'an answer',
    });
    await pause();
    expect(isWiped(lent())).toBe(true);
    expect(isWiped(memory)).toBe(true);
  });

  test('when the answer comes after the deadline, then the caller got 503, and both are wiped', async () => {
    const { path, lent, answer, letGo } = await serveHeld(50);
    const memory = answer.use((bytes) => bytes);
    expect(await raw(path, { body: 'a request' })).toMatchObject({
      status: 503,
      headers: { 'retry-after': '5' },
      text: 'The vault did not answer in time.\n',
    });
    letGo();
    await pause();
    expect(isWiped(lent())).toBe(true);
    expect(isWiped(memory)).toBe(true);
  });

  test('when the caller went away meanwhile, then both are wiped too', async () => {
    const { path, lent, answer, letGo } = await serveHeld();
    const memory = answer.use((bytes) => bytes);
    const headers = { 'content-type': 'application/octet-stream' };
    const call = { socketPath: path, method: 'POST', path: '/v1/vault', headers };
    const request = httpRequest(call).on('error', () => undefined);
    request.end('a request');
    await pause();
    request.destroy();
    await pause();
    expect(isWiped(lent())).toBe(false);
    letGo();
    await pause();
    expect(isWiped(lent())).toBe(true);
    expect(isWiped(memory)).toBe(true);
    expect(bench.reported).toEqual([]);
  });
});

describe('a key service over mutual TLS', () => {
  const serverSide = createAuthority('servers');
  const clientSide = createAuthority('clients');
  const stranger = createAuthority('clients');
  const server = serverSide.server('localhost');
  const client = clientSide.client();

  async function serveTls(): Promise<string> {
    const { vault, report } = bench;
    const listener = await serveVault(createVaultService(vault, report), {
      listenOn: {
        host: '127.0.0.1',
        port: 0,
        tls: { cert: server.cert, key: server.key, clientCa: clientSide.cert },
      },
      report,
    });
    bench.closing(listener);
    return listener.port.toString();
  }

  const tls = (parts: Partial<VaultTls> = {}): VaultTls => ({
    ca: serverSide.cert,
    cert: client.cert,
    key: client.key,
    ...parts,
  });

  test('when both certificates are right, then a template lives its life', async () => {
    const remote = bench.remote(`https://localhost:${await serveTls()}`, { tls: tls() });
    const sealed = await sealText(remote, 'face');
    expect((await remote.open([sealed])).map(textOf)).toEqual(['face']);
    expect((await remote.shred([sealed.keyId])).destroyedKeys).toHaveLength(1);
    expect(await remote.exist([sealed.keyId])).toEqual([false]);
  });

  const strange = stranger.client();
  const expired = clientSide.client({ notAfter: '200101000000Z' });
  test.each<[string, Partial<VaultTls>]>([
    ['the client is signed by another authority of the same name', strange],
    ['the client has signed itself', createAuthority('self').client()],
    ['the certificate of the client has expired', expired],
    ['the certificate is that of a server', clientSide.server('localhost')],
    ['the authority of the server is another one', { ca: clientSide.cert }],
  ])('when %s, then the call is unavailable and no vault is called', async (_what, parts) => {
    const { ca, cert, key } = tls(parts);
    const remote = bench.remote(`https://localhost:${await serveTls()}`, {
      tls: { ca, cert, key },
    });
    await expect(remote.check()).rejects.toMatchObject(unavailable(/certificate/));
    expect(bench.vault.calls).toEqual([]);
  });

  test('when the certificate of the server is for another name, then the call is unavailable', async () => {
    const remote = bench.remote(`https://127.0.0.1:${await serveTls()}`, { tls: tls() });
    await expect(remote.check()).rejects.toMatchObject(unavailable(/certificate/));
    expect(bench.vault.calls).toEqual([]);
  });

  test.each<[string, ConnectionOptions, boolean]>([
    ['a certificate and TLS 1.3', { ...client, minVersion: 'TLSv1.3' }, true],
    ['a certificate and TLS 1.2', { ...client, maxVersion: 'TLSv1.2' }, true],
    ['no certificate', {}, false],
    [
      'TLS 1.1',
      {
        ...client,
        minVersion: 'TLSv1',
        maxVersion: 'TLSv1.1',
        ciphers: 'ALL:@SECLEVEL=0',
      },
      false,
    ],
  ])('when somebody connects with %s, then being answered is %p', async (_what, options, isIn) => {
    const port = Number(await serveTls());
    const answer = await new Promise<string>((resolve) => {
      const socket = tlsConnect({
        host: '127.0.0.1',
        port,
        servername: 'localhost',
        ca: serverSide.cert,
        ...options,
      });
      let text = '';
      socket.on('error', () => undefined);
      socket.on('data', (chunk: Buffer) => (text += chunk.toString()));
      socket.on('close', () => {
        resolve(text);
      });
      socket.write('GET /health/ready HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n');
    });
    expect(answer.startsWith('HTTP/1.1 200 OK')).toBe(isIn);
  });

  test('when an address of https comes without certificates, or with what is none, then there is no remote vault', () => {
    const url = 'https://localhost:1';
    expect(() => bench.remote(url)).toThrow('takes only callers with certificates');
    expect(() => bench.remote(url, { tls: tls({ cert: 'no PEM' }) })).toThrow('cannot be called');
    expect(() => bench.remote(url, { tls: tls({ key: strange.key }) })).toThrow('cannot be called');
  });
});
