import { execFile } from 'node:child_process';
import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import { connect, type TLSSocket } from 'node:tls';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import type { SendResult, WebhookTls } from '../../src/callbacks/webhook-sender.js';
import { SecretBytes } from '../../src/crypto/secret-bytes.js';
import { createAddressPolicy } from '../../src/outbound/address-policy.js';
import { type ClosableSender, createWebhookSender } from '../../src/outbound/webhook-sender.js';
import { selfSignedCertificate } from '../support/certificate.js';
import { createAuthority, type Identity } from '../support/mutual-tls.js';

const policy = createAddressPolicy({
  allowHttp: true,
  ports: [443],
  privateCidrs: ['127.0.0.1/32'],
});
const authority = createAuthority('private');
const serverIdentity = authority.server('localhost');
const acme = authority.client();
const other = authority.client();

function tlsOf(identity: string, client?: Identity, ca: string = authority.cert): WebhookTls {
  return {
    identity,
    ca,
    ...(client && {
      certificate: client.cert,
      openKey: () => SecretBytes.take(Buffer.from(client.key)),
    }),
  };
}

describe('the TLS of callbacks', () => {
  let server: Server;
  let sender: ClosableSender;
  /** For each request the connection that it came over, and the certificate's serial number. */
  let requests: { port: number | undefined; serial: string | undefined }[];

  beforeEach(() => {
    requests = [];
    sender = createWebhookSender(policy, { deadlineMs: 2_000 });
  });
  afterEach(async () => {
    await sender.close();
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });

  async function serve(options: Parameters<typeof createServer>[0] = {}): Promise<string> {
    server = createServer({ ...serverIdentity, ...options }, (request, response) => {
      const socket = request.socket as TLSSocket;
      const peer = socket.getPeerCertificate() as { serialNumber?: string };
      requests.push({ port: socket.remotePort, serial: peer.serialNumber });
      response.end('ok');
    });
    server.on('tlsClientError', () => undefined);
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return `https://localhost:${String((server.address() as AddressInfo).port)}/`;
  }

  async function send(url: string, tls?: WebhookTls): Promise<SendResult> {
    return await sender.send({ url, headers: {}, body: Buffer.from('{}'), ...(tls && { tls }) });
  }

  const delivered: SendResult = { kind: 'answered', status: 200 };
  const refused: SendResult = { kind: 'failed', code: 'TLS' };
  /** Asks for a certificate and takes a connection without one. */
  const asking = { requestCert: true, rejectUnauthorized: false, ca: authority.cert };

  test('when the receiver has a certificate of the private CA, then that tenant alone accepts it', async () => {
    const url = await serve();
    expect(await send(url, tlsOf('acme'))).toEqual(delivered);
    expect(await send(url)).toEqual(refused);
    expect(await send(url, tlsOf('other', undefined, createAuthority('x').cert))).toEqual(refused);
    expect(requests).toHaveLength(1);
  });

  test('when the private CA vouches for another name, then it is refused', async () => {
    const url = await serve(authority.server('elsewhere.example'));
    expect(await send(url, tlsOf('acme'))).toEqual(refused);
  });

  test('when the receiver is self-signed, then it is refused', async () => {
    const url = await serve(selfSignedCertificate('localhost'));
    expect(await send(url, tlsOf('acme'))).toEqual(refused);
    expect(await send(url)).toEqual(refused);
  });

  test('when the environment says not to verify, then it is verified', async () => {
    const url = await serve();
    // In another process, because the environment of a test is a copy that Node does not read.
    const at = (name: string) => fileURLToPath(new URL(`../support/${name}`, import.meta.url));
    const { stdout } = await promisify(execFile)(
      process.execPath,
      ['--import', at('typescript-hooks.mjs'), at('sender-child.mjs'), url],
      { env: { ...process.env, NODE_TLS_REJECT_UNAUTHORIZED: '0' } },
    );
    expect(JSON.parse(stdout)).toEqual(refused);
    expect(requests).toHaveLength(0);
  });

  test.each([
    ['TLSv1.1', 'refused'],
    ['TLSv1.2', 'delivered'],
    ['TLSv1.3', 'delivered'],
  ] as const)('when the receiver speaks %s alone, then it is %s', async (version, outcome) => {
    const certificate = selfSignedCertificate('localhost', 'ecdsa');
    const old = {
      minVersion: version,
      maxVersion: version,
      ciphers: 'DEFAULT@SECLEVEL=0',
    } as const;
    const url = await serve({ ...certificate, ...old });
    // Others can connect: it is the version that is refused, not the certificate.
    const lenient = await connected(url, { ca: certificate.cert, ...old });
    expect(lenient).toBe(version);
    const result = await send(url, tlsOf('acme', undefined, certificate.cert));
    expect(result).toEqual(outcome === 'refused' ? refused : delivered);
  });

  test('when tenants share a receiver, then each shows its own certificate, or none, on its own connections', async () => {
    const url = await serve(asking);
    const senders = [
      tlsOf('acme', acme),
      tlsOf('other', other),
      tlsOf('bare'),
      tlsOf('acme', acme),
    ];
    for (const tls of [...senders, ...senders]) expect(await send(url, tls)).toEqual(delivered);
    const serials = requests.map(({ serial }) => serial);
    const [ofAcme, ofOther, ofBare] = serials;
    expect(ofAcme).toMatch(/^[\dA-F]+$/);
    expect(ofOther).toMatch(/^[\dA-F]+$/);
    expect(ofOther).not.toBe(ofAcme);
    expect(ofBare).toBeUndefined();
    expect(serials).toEqual([...serials.slice(0, 4), ...serials.slice(0, 4)]);
    expect(serials[3]).toBe(ofAcme);
    const usersOf = new Map<number | undefined, Set<string | undefined>>();
    for (const { port, serial } of requests) {
      usersOf.set(port, (usersOf.get(port) ?? new Set()).add(serial));
    }
    expect([...usersOf.values()].every((users) => users.size === 1)).toBe(true);
    expect(usersOf.size).toBeLessThan(requests.length);
  });

  test('when two tenants have the same certificate, then they share no connection', async () => {
    const url = await serve(asking);
    const names = ['acme', 'other', 'acme', 'other', 'acme', 'other'];
    for (const name of names) await send(url, tlsOf(name, acme));
    const portsOf = (name: string): Set<number | undefined> =>
      new Set(requests.filter((_, index) => names[index] === name).map(({ port }) => port));
    const shared = [...portsOf('acme')].filter((port) => portsOf('other').has(port));
    expect(shared).toEqual([]);
    expect(portsOf('acme').size).toBeLessThan(3);
  });

  test('when the receiver insists on a certificate, then a tenant without one is refused', async () => {
    const url = await serve({ ...asking, rejectUnauthorized: true });
    expect(await send(url, tlsOf('acme', acme))).toEqual(delivered);
    expect(await send(url, tlsOf('bare'))).toMatchObject({ kind: 'failed' });
    expect(await send(url, tlsOf('stranger', createAuthority('y').client()))).toMatchObject({
      kind: 'failed',
    });
    expect(requests).toHaveLength(1);
  });

  test('when the key was read, then it is wiped before the message is sent, and read once', async () => {
    const url = await serve(asking);
    const opened: SecretBytes[] = [];
    const tls = {
      ...tlsOf('acme', acme),
      openKey: () => {
        const key = SecretBytes.take(Buffer.from(acme.key));
        opened.push(key);
        return key;
      },
    };
    for (let count = 0; count < 3; count += 1) expect(await send(url, tls)).toEqual(delivered);
    expect(opened).toHaveLength(1);
    expect(() => opened[0]?.use((bytes) => bytes)).toThrow('were wiped');
  });

  test('when the key does not open or fit, then the attempt fails and others are sent', async () => {
    const url = await serve(asking);
    const broken = {
      ...tlsOf('broken', acme),
      openKey: () => {
        throw new Error('does not open');
      },
    };
    expect(await send(url, broken)).toEqual(refused);
    expect(await send(url, tlsOf('mixed', { cert: acme.cert, key: other.key }))).toEqual(refused);
    expect(await send(url, tlsOf('acme', acme))).toEqual(delivered);
    expect(requests).toHaveLength(1);
  });

  test("when one tenant's messages hang, then another's to the same receiver do not", async () => {
    const url = await serve(asking);
    const hanging = new Set<string>();
    server.removeAllListeners('request');
    server.on('request', (request, response) => {
      const isHanging = request.headers['x-hang'] === '1';
      if (isHanging) hanging.add('one');
      else response.end();
    });
    const message = { url, headers: { 'x-hang': '1' }, body: Buffer.from('{}') };
    const stuck = Array.from({ length: 32 }, async () =>
      sender.send({ ...message, tls: tlsOf('acme', acme) }),
    );
    const startedAt = Date.now();
    const free = await Promise.all(
      Array.from({ length: 8 }, async () => send(url, tlsOf('other', other))),
    );
    expect(free).toEqual(Array(8).fill(delivered));
    expect(Date.now() - startedAt).toBeLessThan(1_500);
    expect(hanging.size).toBe(1);
    for (const result of await Promise.all(stuck)) {
      expect(result).toEqual({ kind: 'failed', code: 'TIMEOUT' });
    }
  });
});

/** The version of TLS that a client without our rules gets. */
async function connected(url: string, options: object): Promise<string | null> {
  const { port } = new URL(url);
  return await new Promise((resolve, reject) => {
    const socket = connect({
      host: '127.0.0.1',
      port: Number(port),
      servername: 'localhost',
      ...options,
    });
    socket.once('error', reject);
    socket.once('secureConnect', () => {
      resolve(socket.getProtocol());
      socket.destroy();
    });
  });
}
