import type { LookupAddress } from 'node:dns';
import { createServer, type Server, type Socket } from 'node:net';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { createAddressPolicy, type EgressPolicy } from '../../src/outbound/address-policy.js';
import {
  ConnectFailure,
  type ConnectorParts,
  createGuardedConnector,
} from '../../src/outbound/guarded-connector.js';
import { selfSignedCertificate } from '../support/certificate.js';
import { type Receiver, startReceiver } from '../support/receiver.js';

const loopback = createAddressPolicy({
  allowHttp: true,
  ports: [443],
  privateCidrs: ['127.0.0.1/32'],
});

function answers(...addresses: string[]): NonNullable<ConnectorParts['lookup']> {
  return (_host, _options, done) => {
    const found: LookupAddress[] = addresses.map((address) => ({
      address,
      family: address.includes(':') ? 6 : 4,
    }));
    setImmediate(done, null, found);
  };
}

async function connect(
  policy: EgressPolicy,
  url: string,
  parts: ConnectorParts = {},
): Promise<Socket> {
  const { hostname, host, protocol, port } = new URL(url);
  return await new Promise((resolve, reject) => {
    createGuardedConnector(policy, parts)({ hostname, host, protocol, port }, (error, socket) => {
      if (error === null) resolve(socket);
      else reject(error);
    });
  });
}

async function failureOf(attempt: Promise<Socket>): Promise<string> {
  try {
    (await attempt).destroy();
    return 'connected';
  } catch (error) {
    return error instanceof ConnectFailure ? error.code : String(error);
  }
}

describe('the guarded connector', () => {
  let server: Server;
  let port: number;
  let accepted: number;
  let bytesArrived: number;

  beforeEach(async () => {
    accepted = 0;
    bytesArrived = 0;
    server = createServer((socket) => {
      accepted += 1;
      socket.on('data', (chunk) => {
        bytesArrived += chunk.byteLength;
      });
      socket.on('error', () => undefined);
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const address = server.address();
    port = typeof address === 'object' && address !== null ? address.port : 0;
  });
  afterEach(async () => {
    await new Promise((resolve) => server.close(resolve));
  });

  test('when a literal address is allowed, then it connects', async () => {
    const socket = await connect(loopback, `http://127.0.0.1:${port}`);
    expect(socket.remoteAddress).toBe('127.0.0.1');
    socket.destroy();
  });

  test.each(['127.0.0.2', '[::1]', '[::ffff:127.0.0.2]', '0.0.0.0', '[::]', '10.0.0.1'])(
    'when the literal address is %s, then no connection is made',
    async (host) => {
      const attempt = connect(loopback, `http://${host}:${port}`, {
        lookup: () => {
          throw new Error('a literal needs no lookup');
        },
      });
      expect(await failureOf(attempt)).toBe('BLOCKED_ADDRESS');
      expect(accepted).toBe(0);
    },
  );

  test('when a name leads to an allowed address, then it connects after one lookup', async () => {
    let lookups = 0;
    const socket = await connect(loopback, `http://hooks.example:${port}`, {
      lookup: (host, options, done) => {
        lookups += 1;
        // A second answer would lead elsewhere: the first one holds for the connection.
        answers(lookups === 1 ? '127.0.0.1' : '10.0.0.1')(host, options, done);
      },
    });
    expect(socket.remoteAddress).toBe('127.0.0.1');
    expect(lookups).toBe(1);
    socket.destroy();
  });

  test.each([
    ['a private address', ['10.0.0.1']],
    ['an allowed and a private address', ['127.0.0.1', '10.0.0.1']],
    ['a public address on a port that is not listed', ['8.8.8.8']],
    ['an IPv4-mapped private address', ['::ffff:10.0.0.1']],
    ['no address', []],
    ['something that is no address', ['hooks.example']],
  ])('when a name leads to %s, then no connection is made', async (_, addresses) => {
    const attempt = connect(loopback, `http://hooks.example:${port}`, {
      lookup: answers(...addresses),
    });
    expect(await failureOf(attempt)).toBe('BLOCKED_ADDRESS');
    expect(accepted).toBe(0);
  });

  test('when localhost has two addresses and one is allowed, then that one is used', async () => {
    const lookup = answers('::1', '127.0.0.1');
    const socket = await connect(loopback, `http://localhost:${port}`, { lookup });
    expect(socket.remoteAddress).toBe('127.0.0.1');
    socket.destroy();
    const other = connect(loopback, `http://hooks.example:${port}`, { lookup });
    expect(await failureOf(other)).toBe('BLOCKED_ADDRESS');
  });

  test.each(['http', 'https'])(
    'when the socket reached an address that is not allowed, then not a byte is sent over %s',
    async (scheme) => {
      // Allows whatever is asked until the socket is open, as a resolver that lies would.
      let isOpen = false;
      server.on('connection', () => {
        isOpen = true;
      });
      const fooled = { ...loopback, allowsAddress: () => !isOpen };
      const attempt = connect(fooled, `${scheme}://hooks.example:${port}`, {
        lookup: (host, options, done) => {
          answers('127.0.0.1')(host, options, done);
        },
      });
      const closed = new Promise<void>((resolve) => {
        server.on('connection', (socket: Socket) =>
          socket.on('close', () => {
            resolve();
          }),
        );
      });
      expect(await failureOf(attempt)).toBe('BLOCKED_ADDRESS');
      await closed;
      expect(accepted).toBe(1);
      expect(bytesArrived).toBe(0);
    },
  );

  test('when a name does not resolve, then the failure is DNS', async () => {
    const attempt = connect(loopback, `http://hooks.example:${port}`, {
      lookup: (_host, _options, done) => {
        setImmediate(done, Object.assign(new Error('ENOTFOUND'), { code: 'ENOTFOUND' }), []);
      },
    });
    expect(await failureOf(attempt)).toBe('DNS');
  });

  test('when nothing listens, then the failure is CONNECT', async () => {
    await new Promise((resolve) => server.close(resolve));
    expect(await failureOf(connect(loopback, `http://127.0.0.1:${port}`))).toBe('CONNECT');
    server.listen(0, '127.0.0.1');
  });

  test('when TLS begins, then versions 1.3 and 1.2 are offered and none before', async () => {
    const hello = new Promise<Buffer>((resolve) => {
      server.on('connection', (socket: Socket) => socket.on('data', resolve));
    });
    const attempt = connect(loopback, `https://127.0.0.1:${port}`, { timeoutMs: 500 });
    // Extension supported_versions (RFC 8446 §4.2.1): number, length, list.
    expect(
      (await hello).includes(Buffer.from('002b' + '0005' + '04' + '0304' + '0303', 'hex')),
    ).toBe(true);
    expect(await failureOf(attempt)).toBe('TIMEOUT');
  });

  test('when the server does not speak TLS, then the failure is TLS or TIMEOUT', async () => {
    const silent = connect(loopback, `https://127.0.0.1:${port}`, { timeoutMs: 200 });
    expect(await failureOf(silent)).toBe('TIMEOUT');
    server.on('connection', (socket: Socket) => socket.end('HTTP/1.1 400 Bad Request\r\n\r\n'));
    expect(await failureOf(connect(loopback, `https://127.0.0.1:${port}`))).toBe('TLS');
  });
});

describe('TLS', () => {
  const certificate = selfSignedCertificate('localhost');
  const lookup = answers('127.0.0.1');
  let receiver: Receiver;

  afterEach(async () => {
    await receiver.close();
  });

  test('when the authority is known, then it connects', async () => {
    receiver = await startReceiver({ tls: certificate });
    const socket = await connect(loopback, receiver.url, { lookup, ca: certificate.cert });
    expect(socket).toMatchObject({ authorized: true });
    socket.destroy();
  });

  test('when the authority is not known, then the failure is TLS', async () => {
    receiver = await startReceiver({ tls: certificate });
    expect(await failureOf(connect(loopback, receiver.url, { lookup }))).toBe('TLS');
  });

  test('when the certificate is for another name, then the failure is TLS', async () => {
    receiver = await startReceiver({ tls: certificate });
    const url = `https://hooks.example:${receiver.port}/`;
    const attempt = connect(loopback, url, { lookup, ca: certificate.cert });
    expect(await failureOf(attempt)).toBe('TLS');
  });

  test('when the receiver is called by address, then its certificate must hold the address', async () => {
    receiver = await startReceiver({ tls: certificate });
    const url = `https://127.0.0.1:${receiver.port}/`;
    expect(await failureOf(connect(loopback, url, { ca: certificate.cert }))).toBe('TLS');
  });
});
