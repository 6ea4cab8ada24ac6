import { createHash, createPublicKey, type JsonWebKey, type KeyObject, verify } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { verifySignature } from 'http-message-sig';
import { createVerifier, httpbis } from 'http-message-signatures';
import { TestLethe, type TestTenant } from '../support/lethe.js';
import type { Received } from '../support/receiver.js';

/** What a receiver has in hand to verify with. */
interface Message {
  readonly method: string;
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
}

let lethe: TestLethe;
let message: Message;
let body: Buffer;
let plain: Received;
let keys: ReadonlyMap<string, KeyObject>;

beforeAll(async () => {
  lethe = await TestLethe.start();
  const received = await webhookOf(await lethe.tenant({ httpSignatures: true }));
  plain = await webhookOf(await lethe.tenant());
  body = received.body;
  message = {
    method: received.method,
    url: `http://${received.headers.host ?? ''}${received.path}`,
    headers: received.headers as Record<string, string>,
  };
  const jwks = await lethe.call('GET', '/.well-known/jwks.json');
  const published = jwks.body['keys'] as (JsonWebKey & { kid: string })[];
  keys = new Map(
    published.map((jwk) => [jwk.kid, createPublicKey({ key: jwk, format: 'jwk' })] as const),
  );
});
afterAll(async () => {
  await lethe.close();
});

/** The webhook of a session that was cancelled, as it arrived. */
async function webhookOf(tenant: TestTenant): Promise<Received> {
  const count = lethe.receiver.received.length + 1;
  const callback = {
    url: `${lethe.receiver.origin}/in?token=a%20b#kept-by-the-sender`,
    headers: { 'x-other': '1' },
  };
  const session = await lethe.create(tenant, { type: 'SIGN-IN', callback });
  await lethe.call('POST', `/v2/verification-session/${String(session.body['sessionId'])}/cancel`, {
    headers: tenant.credentials,
  });
  await lethe.receiver.waitFor(count);
  return lethe.receiver.received[count - 1]!;
}

const COVERED = [
  '@method',
  '@target-uri',
  'content-type',
  'content-digest',
  'webhook-id',
  'webhook-timestamp',
];
const PARAMETERS = ['created', 'expires', 'keyid', 'alg', 'tag'];

async function byHttpMessageSignatures(given: Message): Promise<boolean> {
  const verified = await httpbis.verifyMessage(
    {
      keyLookup: async ({ keyid = '' }) => {
        const key = keys.get(keyid);
        return key === undefined ? null : { verify: createVerifier(key, 'ed25519') };
      },
      requiredFields: COVERED,
      requiredParams: PARAMETERS,
      maxAge: 300,
      tolerance: 1,
      all: true,
    },
    { ...given, headers: { ...given.headers } },
  );
  return verified === true;
}

async function byHttpMessageSig(given: Message): Promise<boolean> {
  const fields = Object.entries(given.headers).map(([name, value]) => ({ name, value }));
  const verified = await verifySignature(
    { kind: 'request', method: given.method, targetUri: given.url, fields },
    {
      label: 'lethe',
      policy: {
        algorithms: ['ed25519'],
        requiredComponents: COVERED,
        requiredParameters: PARAMETERS,
        maxAge: 300,
        clockSkew: 1,
        validate: ({ parameters }) => parameters.tag === 'lethe-webhook',
      },
      resolveVerifier: ({ parameters }) => {
        const key = keys.get(parameters.keyid ?? '');
        if (key === undefined) throw new Error('no such key');
        return {
          algorithm: 'ed25519',
          verify: (data, signature) => verify(null, data, key, signature),
        };
      },
    },
  );
  return verified.label === 'lethe';
}

const VERIFIERS = [
  ['http-message-signatures', byHttpMessageSignatures],
  ['http-message-sig', byHttpMessageSig],
] as const;

describe.each(VERIFIERS)('%s', (_name, verifies) => {
  async function accepts(given: Message): Promise<boolean> {
    return await verifies(given).catch(() => false);
  }

  test('when it is given the webhook that arrived and the JWKS, then it accepts', async () => {
    expect(await verifies(message)).toBe(true);
  });

  test.each<[string, (given: Message) => Message]>([
    ['the method', (given) => ({ ...given, method: 'PUT' })],
    ['the host', (given) => ({ ...given, url: given.url.replace('127.0.0.1', '127.0.0.2') })],
    ['the path', (given) => ({ ...given, url: given.url.replace('/in', '/out') })],
    ['the query', (given) => ({ ...given, url: given.url.replace('a%20b', 'a%20c') })],
    ['the scheme', (given) => ({ ...given, url: given.url.replace('http:', 'https:') })],
    ['content-type', (given) => withHeader(given, 'content-type', () => 'text/plain')],
    [
      'content-digest',
      (given) => withHeader(given, 'content-digest', () => digestOf(Buffer.from('{}'))),
    ],
    ['webhook-id', (given) => withHeader(given, 'webhook-id', (id) => `${id}0`)],
    [
      'webhook-timestamp',
      (given) => withHeader(given, 'webhook-timestamp', (time) => String(Number(time) + 1)),
    ],
    ...(
      [
        ['created', /created=(\d+)/, 'created=1'],
        ['expires', /expires=(\d+)/, 'expires=9999999999'],
        ['keyid', /keyid="\w/, 'keyid="_'],
        ['alg', /ed25519/, 'hmac-sha256'],
        ['tag', /lethe-webhook/, 'another-webhook'],
        ['what is covered', / "webhook-id"/, ''],
      ] as const
    ).map(([what, part, other]): [string, (given: Message) => Message] => [
      what,
      (given) => withHeader(given, 'signature-input', (text) => text.replace(part, other)),
    ]),
    [
      'the signature',
      (given) =>
        withHeader(given, 'signature', (text) =>
          text.replace(/:./, (first) => (first === ':A' ? ':B' : ':A')),
        ),
    ],
  ])('when %s was changed, then it refuses', async (_what, change) => {
    const changed = change(message);
    expect(changed).not.toEqual(message);
    expect(await accepts(changed)).toBe(false);
  });

  test('when an uncovered header was changed, then it still accepts', async () => {
    expect(await accepts(withHeader(message, 'x-other', () => '2'))).toBe(true);
  });
});

test('when the digest is computed from the bytes that arrived, then it is the signed one', () => {
  expect(message.headers['content-digest']).toBe(digestOf(body));
  expect(digestOf(Buffer.concat([body, Buffer.from(' ')]))).not.toBe(digestOf(body));
});

test('when a tenant has not asked for it, then none of the headers is there', () => {
  const names = Object.keys(plain.headers);
  expect(names).toContain('webhook-signature');
  for (const name of ['content-digest', 'signature-input', 'signature'])
    expect(names).not.toContain(name);
});

test('when it is there, then the other signatures are too', () => {
  expect(Object.keys(message.headers)).toEqual(
    expect.arrayContaining(['webhook-signature', 'webhook-jws', 'x-other']),
  );
});

function withHeader(given: Message, name: string, change: (value: string) => string): Message {
  return { ...given, headers: { ...given.headers, [name]: change(given.headers[name] ?? '') } };
}

function digestOf(bytes: Uint8Array): string {
  return `sha-256=:${createHash('sha256').update(bytes).digest('base64')}:`;
}
