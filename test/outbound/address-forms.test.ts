import type { LookupAddress } from 'node:dns';
import { createServer, isIP, type Server } from 'node:net';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { createAddressPolicy, type EgressPolicy } from '../../src/outbound/address-policy.js';
import { ConnectFailure, createGuardedConnector } from '../../src/outbound/guarded-connector.js';

const strict = createAddressPolicy({ allowHttp: true, ports: [80, 443], privateCidrs: [] });

/** Forms of addresses that are not on the public network, each with what it is. */
const FORMS: readonly (readonly [form: string, ...addresses: string[]])[] = [
  ['this host', '0.0.0.0', '0.1.2.3', '::'],
  ['loopback', '127.0.0.1', '127.255.255.254', '::1'],
  ['private', '10.0.0.1', '172.16.0.1', '172.31.255.255', '192.168.0.1'],
  ['carrier-grade NAT', '100.64.0.1', '100.127.255.254'],
  ['link-local', '169.254.0.1', 'fe80::1', 'fe80::1%lo', 'febf::1'],
  ['cloud metadata', '169.254.169.254', 'fd00:ec2::254', '100.100.100.200', '192.0.0.192'],
  ['protocol assignments', '192.0.0.1', '192.0.0.170', '192.0.0.255'],
  ['documentation', '192.0.2.1', '198.51.100.7', '203.0.113.9', '2001:db8::1', '3fff::1'],
  ['benchmarking', '198.18.0.1', '198.19.255.255', '2001:2::1'],
  ['multicast', '224.0.0.1', '239.255.255.250', 'ff02::1', 'ff0e::1'],
  ['reserved', '240.0.0.1', '192.88.99.1', '4000::1', '5f00::1', '100::1'],
  ['broadcast', '255.255.255.255'],
  ['IPv4-mapped', '::ffff:127.0.0.1', '::ffff:10.0.0.1', '::ffff:a9fe:a9fe', '::ffff:0.0.0.0'],
  ['IPv4-compatible', '::127.0.0.1', '::7f00:1', '::10.0.0.1', '::8.8.8.8'],
  ['IPv4-translated', '::ffff:0:127.0.0.1', '::ffff:0:8.8.8.8'],
  ['NAT64', '64:ff9b::127.0.0.1', '64:ff9b::a9fe:a9fe', '64:ff9b::8.8.8.8'],
  ['NAT64 of a network', '64:ff9b:1::1', '64:ff9b:1::10.0.0.1', '64:ff9b:1:ffff::8.8.8.8'],
  ['6to4', '2002:7f00:1::', '2002:a9fe:a9fe::1', '2002:808:808::1'],
  ['Teredo', '2001::1', '2001:0:4136:e378:8000:63bf:3fff:fdd2'],
  ['unique-local', 'fc00::1', 'fd12:3456:789a::1'],
  ['site-local', 'fec0::1', 'feff::1'],
  ['a zone', '2606:4700::1111%lo', '::1%lo'],
];
const ADDRESSES = FORMS.flatMap(([form, ...addresses]) =>
  addresses.map((address) => [form, address] as const),
);

function answers(...addresses: string[]) {
  return (
    _host: string,
    _options: object,
    done: (error: null, found: LookupAddress[]) => void,
  ): void => {
    const found = addresses.map((address) => ({ address, family: isIP(address) }));
    setImmediate(done, null, found);
  };
}

async function outcome(
  policy: EgressPolicy,
  target: { hostname: string; port: number },
  lookup: ReturnType<typeof answers> = () => {
    throw new Error('a literal needs no lookup');
  },
): Promise<string> {
  const { hostname } = target;
  const port = target.port.toString();
  return await new Promise((resolve) => {
    const connector = createGuardedConnector(policy, { lookup, timeoutMs: 2_000 });
    connector(
      { hostname, host: `${hostname}:${port}`, protocol: 'http:', port },
      (error, socket) => {
        socket?.destroy();
        if (error === null) resolve('connected');
        else resolve(error instanceof ConnectFailure ? error.code : String(error));
      },
    );
  });
}

describe.each(ADDRESSES)('%s: when the address is %s', (_form, address) => {
  test('then it is refused as a connected address, on any port', () => {
    for (const port of [80, 443, 8_080]) expect(strict.allowsAddress(address, port)).toBe(false);
  });

  test('then it is refused as a literal, without a connection or a lookup', async () => {
    expect(await outcome(strict, { hostname: address, port: 80 })).toBe('BLOCKED_ADDRESS');
    const host = address.includes(':') ? `[${address}]` : address;
    expect(strict.refusal(`https://${host}/`)).toMatch(/^must /);
  });

  test('then it is refused as the answer for a name, alone and beside a public one', async () => {
    const target = { hostname: 'hooks.example', port: 80 };
    for (const found of [[address], ['8.8.8.8', address], [address, '2606:4700::1111']]) {
      expect(await outcome(strict, target, answers(...found))).toBe('BLOCKED_ADDRESS');
    }
  });
});

describe('a socket that reached this machine', () => {
  let server: Server;
  let arrived: number;
  let bytes: number;

  beforeEach(() => {
    arrived = 0;
    bytes = 0;
    server = createServer((socket) => {
      arrived += 1;
      socket.on('data', (chunk) => {
        bytes += chunk.byteLength;
      });
      socket.on('error', () => undefined);
    });
  });
  afterEach(async () => {
    await new Promise((resolve) => server.close(resolve));
  });

  test.each([
    ['127.0.0.1', '127.0.0.1'],
    ['127.0.0.2', '127.0.0.2'],
    ['127.0.0.1', '0.0.0.0'],
    ['::', '::ffff:127.0.0.1'],
    ['::1', '::1'],
    ['::1', '::'],
  ])('when %s listens and the name led to %s, then not a byte is sent', async (listens, answer) => {
    await new Promise<void>((resolve) => server.listen(0, listens, resolve));
    const address = server.address();
    const port = typeof address === 'object' && address !== null ? address.port : 0;
    let asked = 0;
    // Says yes to the answer of the lookup, as if it had been another one then.
    const fooled: EgressPolicy = {
      ...strict,
      allowsAddress: (text) => {
        asked += 1;
        return asked === 1 || strict.allowsAddress(text, 443);
      },
    };
    const target = { hostname: 'hooks.example', port };
    expect(await outcome(fooled, target, answers(answer))).toBe('BLOCKED_ADDRESS');
    expect(asked).toBe(2);
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect([arrived, bytes]).toEqual([1, 0]);
  });
});

describe('loopback in all spellings of WHATWG', () => {
  test.each([
    '127.1',
    '127.0.1',
    '2130706433',
    '0x7f.1',
    '0x7f000001',
    '0177.0.0.1',
    '017700000001',
    '127.0.0.1.',
    '１２７.0.0.1',
    '①②⑦.⓪.⓪.①',
    '127。0。0。1',
    '127．0．0．1',
    '%31%32%37.0.0.1',
    '[::1]',
    '[0:0:0:0:0:0:0:1]',
    '[::ffff:7f00:1]',
    'localhost',
    'LOCALHOST',
    'localhost.',
    'ｌｏｃａｌｈｏｓｔ',
  ])('when the host is %s, then it is refused', (host) => {
    expect(strict.refusal(`https://${host}/`)).toMatch(/^must not lead to /);
  });
});

describe('private networks that the operator allows', () => {
  function allowing(...privateCidrs: string[]): EgressPolicy {
    return createAddressPolicy({ allowHttp: true, ports: [443], privateCidrs });
  }

  /** IPv6 forms that embed these four bytes and lead elsewhere than to the IPv4 address. */
  function embeddings(high: string, low: string): string[] {
    return [
      `::${high}:${low}`,
      `::ffff:0:${high}:${low}`,
      `64:ff9b::${high}:${low}`,
      `64:ff9b:1::${high}:${low}`,
      `2002:${high}:${low}::1`,
      `2001:0:${high}:${low}::1`,
    ];
  }

  test.each(['127.0.0.1/32', '127.0.0.0/8', '0.0.0.0/0'])(
    'when %s is, then no IPv6 form that embeds it is',
    (cidr) => {
      const policy = allowing(cidr);
      expect(policy.allowsAddress('127.0.0.1', 9)).toBe(true);
      const dotted = ['::127.0.0.1', '64:ff9b::127.0.0.1', '0:0:0:0:0:0:127.0.0.1'];
      for (const address of [...embeddings('7f00', '1'), ...dotted, '::1']) {
        expect([address, policy.allowsAddress(address, 443)]).toEqual([address, false]);
      }
    },
  );

  test('when 10.0.0.0/8 is, then the IPv4-mapped form is, for it leads to the same place', () => {
    const policy = allowing('10.0.0.0/8');
    expect(policy.allowsAddress('::ffff:10.1.2.3', 9)).toBe(true);
    expect(policy.allowsAddress('::ffff:11.1.2.3', 9)).toBe(false);
    for (const address of embeddings('a01', '203')) {
      expect([address, policy.allowsAddress(address, 443)]).toEqual([address, false]);
    }
  });

  test.each(['::/0', '::/96', '::ffff:0:0/96', '64:ff9b::/96', '2002::/16', '::1/128'])(
    'when %s is, then no IPv4 address is, mapped or not',
    (cidr) => {
      const policy = allowing(cidr);
      for (const address of ['127.0.0.1', '10.0.0.1', '169.254.169.254', '0.0.0.0']) {
        expect([address, policy.allowsAddress(address, 443)]).toEqual([address, false]);
        expect(policy.allowsAddress(`::ffff:${address}`, 443)).toBe(false);
      }
    },
  );
});
