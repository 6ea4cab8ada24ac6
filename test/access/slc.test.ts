import {
  createHash,
  generateKeyPairSync,
  type KeyObject,
  randomUUID,
  sign as signBytes,
} from 'node:crypto';
import { beforeEach, describe, expect, jest, test } from '@jest/globals';
import { CompactSign, type JWTPayload, SignJWT } from 'jose';
import { authenticate } from '../../src/access/authenticate.js';
import { createClient, type IssuedClient, rotateClientSecret } from '../../src/access/clients.js';
import type { PresentedCredentials } from '../../src/access/presented.js';
import { parseSlcKey } from '../../src/access/slc-key.js';
import { createTenant } from '../../src/access/tenants.js';
import { HOUR_MS } from '../../src/lib/clock.js';
import { type Accounts, memoryAccounts, NOW_MS, PUBLIC_URL } from './memory-accounts.js';

const NOW_S = NOW_MS / 1_000;
const BODY = new TextEncoder().encode('{"type":"DELETE"}');
const UNAUTHENTICATED = expect.objectContaining({ code: 'UNAUTHENTICATED', problems: [] });

const ed25519 = generateKeyPairSync('ed25519');
const p256 = generateKeyPairSync('ec', { namedCurve: 'P-256' });
const foreignEd25519 = generateKeyPairSync('ed25519');
const foreignP256 = generateKeyPairSync('ec', { namedCurve: 'P-256' });

let accounts: Accounts;
let own: IssuedClient;
let foreign: IssuedClient;

beforeEach(async () => {
  accounts = memoryAccounts();
  await createTenant(accounts.deps, { displayName: 'Own', tenantId: 'own' });
  await createTenant(accounts.deps, { displayName: 'Foreign', tenantId: 'foreign' });
  own = await clientOf('own', [ed25519.publicKey, p256.publicKey]);
  foreign = await clientOf('foreign', [foreignEd25519.publicKey, foreignP256.publicKey]);
});

function clientOf(tenantId: string, keys: readonly KeyObject[]): Promise<IssuedClient> {
  const slcKeys = keys.map((key) => parseSlcKey(key.export({ format: 'jwk' })));
  return createClient(accounts.deps, { tenantId, slcKeys });
}

type Key = KeyObject | Uint8Array;
interface Token {
  readonly alg?: string;
  readonly key?: Key;
  readonly claims?: JWTPayload;
  readonly header?: Record<string, unknown>;
}

function sign({ alg = 'EdDSA', key = ed25519.privateKey, claims = {}, header = {} }: Token = {}) {
  const { clientId } = own.client;
  const payload = {
    iss: clientId,
    sub: clientId,
    aud: PUBLIC_URL,
    iat: NOW_S,
    exp: NOW_S + 300,
    jti: randomUUID(),
    ...claims,
  };
  return new SignJWT(payload).setProtectedHeader({ alg, ...header }).sign(key);
}

function hmacKey(secret: string): Uint8Array {
  return new TextEncoder().encode(secret);
}

function attempt(slc: string, besides: PresentedCredentials = {}, body: Uint8Array = BODY) {
  const presented = { apiKey: own.apiKey, slc, ...besides };
  return authenticate(accounts.deps, { presented, body, mayUseApiKeyOnly: false });
}

describe('authenticate with an SLC', () => {
  test.each([
    ['EdDSA', () => ed25519.privateKey],
    ['Ed25519', () => ed25519.privateKey],
    ['ES256', () => p256.privateKey],
    ['HS256', () => hmacKey(own.clientSecret)],
  ])(
    'when it is signed with %s by a key of the client, then it is that client',
    async (alg, key) => {
      await expect(attempt(await sign({ alg, key: key() }))).resolves.toEqual({
        tenantId: 'own',
        clientId: own.client.clientId,
        strength: 'strict',
        scopes: [],
      });
    },
  );

  test.each(['JWT', 'slc+jwt', 'anything'])('when its typ is %s, then it counts', async (typ) => {
    await expect(attempt(await sign({ header: { typ } }))).resolves.toBeDefined();
  });

  test('when the audience is a list with the public URL, then it counts', async () => {
    const token = await sign({ claims: { aud: ['https://other.example', PUBLIC_URL] } });
    await expect(attempt(token)).resolves.toBeDefined();
  });

  test('when it is presented twice, then only the first time counts', async () => {
    const token = await sign();
    await expect(attempt(token)).resolves.toBeDefined();
    await expect(attempt(token)).rejects.toEqual(UNAUTHENTICATED);
  });

  test('when another token has the same jti, then it does not count', async () => {
    await attempt(await sign({ claims: { jti: 'one' } }));
    await expect(attempt(await sign({ claims: { jti: 'one', iat: NOW_S - 1 } }))).rejects.toEqual(
      UNAUTHENTICATED,
    );
    await expect(attempt(await sign({ claims: { jti: 'two' } }))).resolves.toBeDefined();
  });

  test('when it was refused for something else, then it is not used up', async () => {
    const token = await sign();
    await expect(attempt(token, { clientId: foreign.client.clientId })).rejects.toEqual(
      UNAUTHENTICATED,
    );
    await expect(attempt(token, { clientSecret: 'lcs_wrong' })).rejects.toEqual(UNAUTHENTICATED);
    expect(accounts.tokens.size).toBe(0);
    const { clientId } = own.client;
    await expect(
      attempt(token, { clientId, clientSecret: own.clientSecret }),
    ).resolves.toBeDefined();
  });

  test('when the token could still pass by its age, then its use is remembered', async () => {
    await attempt(await sign({ claims: { exp: NOW_S + 10.5, iat: NOW_S } }));
    const [rememberedUntilMs = 0] = accounts.tokens.values();
    accounts.clock.atMs = rememberedUntilMs;
    const late = await sign({ claims: { exp: NOW_S + 10.5, iat: NOW_S } });
    await expect(attempt(late)).rejects.toEqual(UNAUTHENTICATED);
    expect(rememberedUntilMs).toBe(NOW_MS + 16_000);
  });

  const bad: readonly [string, JWTPayload][] = [
    ...['iss', 'sub', 'aud', 'iat', 'exp', 'jti'].map((name): [string, JWTPayload] => [
      `no ${name}`,
      { [name]: undefined },
    ]),
    ['another issuer', { iss: 'lci_other' }],
    ['another subject', { sub: 'lci_other' }],
    ['another audience', { aud: 'https://other.example' }],
    ['an audience that only begins alike', { aud: `${PUBLIC_URL}/` }],
    ['an empty audience list', { aud: [] }],
    ['a life of 301 s', { exp: NOW_S + 301 }],
    ['no life at all', { exp: NOW_S }],
    ['an end before its beginning', { iat: NOW_S + 4, exp: NOW_S + 3 }],
    ['an age of more than 5 s past its end', { iat: NOW_S - 100, exp: NOW_S - 5 }],
    ['a beginning 6 s ahead', { iat: NOW_S + 6, exp: NOW_S + 60 }],
    ['a time before which it does not count', { nbf: NOW_S + 60 }],
    ['an endless number', { iat: NOW_S, exp: Number.MAX_VALUE }],
    ['a jti that is no text', { jti: 7 as unknown as string }],
    ['a body digest that is no text', { body_sha256: 7 }],
    ['a body digest that is null', { body_sha256: null }],
    ['a digest of another body', { body_sha256: digest(new Uint8Array(0)) }],
  ];

  test.each(bad)('when it has %s, then it does not count', async (_, claims) => {
    await expect(attempt(await sign({ claims }))).rejects.toEqual(UNAUTHENTICATED);
    expect(accounts.tokens.size).toBe(0);
  });

  test.each([
    ['5 s ahead', { iat: NOW_S + 5, exp: NOW_S + 60 }],
    ['4 s past its end', { iat: NOW_S - 100, exp: NOW_S - 4 }],
  ])('when its time is %s, then the clock skew is forgiven', async (_, claims) => {
    await expect(attempt(await sign({ claims }))).resolves.toBeDefined();
  });

  test('when it carries the digest of the body, then it counts for that body alone', async () => {
    const claims = { body_sha256: digest(BODY) };
    await expect(attempt(await sign({ claims }), {}, hmacKey('{}'))).rejects.toEqual(
      UNAUTHENTICATED,
    );
    await expect(attempt(await sign({ claims }))).resolves.toBeDefined();
  });

  test('when there is no body, then its digest is that of no bytes', async () => {
    const none = new Uint8Array(0);
    const claims = { body_sha256: digest(none) };
    await expect(attempt(await sign({ claims }), {}, none)).resolves.toBeDefined();
  });
});

describe('authenticate with a forged SLC', () => {
  test.each([
    ['EdDSA', () => foreignEd25519.privateKey],
    ['ES256', () => foreignP256.privateKey],
    ['HS256', () => hmacKey(foreign.clientSecret)],
  ])("when a foreign client's %s key signed it, then it does not count", async (alg, key) => {
    await expect(attempt(await sign({ alg, key: key() }))).rejects.toEqual(UNAUTHENTICATED);
  });

  test('when it is right for a foreign client, then it does not count with this API key', async () => {
    const { clientId } = foreign.client;
    const key = foreignEd25519.privateKey;
    const token = await sign({ key, claims: { iss: clientId, sub: clientId } });
    await expect(attempt(token)).rejects.toEqual(UNAUTHENTICATED);
    await expect(attempt(token, { apiKey: foreign.apiKey })).resolves.toMatchObject({ clientId });
  });

  test('when there is no API key, then it does not count', async () => {
    const presented = { slc: await sign(), clientId: own.client.clientId };
    await expect(
      authenticate(accounts.deps, { presented, body: BODY, mayUseApiKeyOnly: true }),
    ).rejects.toEqual(UNAUTHENTICATED);
  });

  test.each(['none', 'None', 'NONE', ''])(
    'when its algorithm is %j, then it does not count',
    async (alg) => {
      const [, payload = '', signature = ''] = (await sign()).split('.');
      const header = Buffer.from(JSON.stringify({ alg })).toString('base64url');
      await expect(attempt(`${header}.${payload}.`)).rejects.toEqual(UNAUTHENTICATED);
      await expect(attempt(`${header}.${payload}.${signature}`)).rejects.toEqual(UNAUTHENTICATED);
    },
  );

  const publicForms: readonly [string, () => Uint8Array][] = [
    ['raw', () => Buffer.from(ed25519.publicKey.export({ format: 'jwk' }).x ?? '', 'base64url')],
    ['DER', () => ed25519.publicKey.export({ format: 'der', type: 'spki' })],
    ['PEM', () => hmacKey(ed25519.publicKey.export({ format: 'pem', type: 'spki' }).toString())],
    ['JWK', () => hmacKey(JSON.stringify(ed25519.publicKey.export({ format: 'jwk' })))],
    ['P-256 PEM', () => hmacKey(p256.publicKey.export({ format: 'pem', type: 'spki' }).toString())],
  ];

  test.each(publicForms)(
    'when the %s public key is the HS256 secret, then it does not count',
    async (_, key) => {
      await expect(attempt(await sign({ alg: 'HS256', key: key() }))).rejects.toEqual(
        UNAUTHENTICATED,
      );
    },
  );

  test('when the stored digest is the HS256 secret, then it does not count', async () => {
    const key = hmacKey(own.client.secrets[0]?.digest ?? '');
    await expect(attempt(await sign({ alg: 'HS256', key }))).rejects.toEqual(UNAUTHENTICATED);
  });

  test.each(['HS384', 'HS512'])(
    'when the secret signs with %s, then it does not count',
    async (alg) => {
      const token = await sign({ alg, key: hmacKey(own.clientSecret.repeat(2)) });
      await expect(attempt(token)).rejects.toEqual(UNAUTHENTICATED);
    },
  );

  test('when it brings its own key along, then it does not count', async () => {
    const jwk = foreignEd25519.publicKey.export({ format: 'jwk' });
    const token = await sign({ key: foreignEd25519.privateKey, header: { jwk } });
    await expect(attempt(token)).rejects.toEqual(UNAUTHENTICATED);
  });

  test.each([
    ['an empty list', []],
    ['an unknown name', ['exp']],
    ['b64', ['b64']],
  ])('when its critical parameters are %s, then it does not count', async (_, crit) => {
    const [, payload = ''] = (await sign()).split('.');
    const header = Buffer.from(JSON.stringify({ alg: 'EdDSA', crit, b64: true, exp: 1 })).toString(
      'base64url',
    );
    const input = `${header}.${payload}`;
    const signature = signBytes(null, hmacKey(input), ed25519.privateKey).toString('base64url');
    await expect(attempt(`${input}.${signature}`)).rejects.toEqual(UNAUTHENTICATED);
  });

  test('when any one character is changed, then it does not count', async () => {
    const token = await sign();
    for (let place = 0; place < token.length - 1; place += 7) {
      const swapped = token[place] === 'A' ? 'B' : 'A';
      const forged = token.slice(0, place) + swapped + token.slice(place + 1);
      await expect(attempt(forged)).rejects.toEqual(UNAUTHENTICATED);
    }
  });

  test.each([
    '',
    '.',
    '..',
    '...',
    'a.b.c',
    'e30.e30.',
    'bnVsbA.e30.AA',
    '[].{}.x',
    'é.ü.ß',
    '{"alg":"EdDSA"}',
  ])('when it is %j, then it does not count and nothing breaks', async (token) => {
    await expect(attempt(token)).rejects.toEqual(UNAUTHENTICATED);
  });

  test('when its payload is no claims set, then it does not count and nothing breaks', async () => {
    for (const payload of ['', 'null', '[]', '7', '{', '"x"', '{"exp":1e999}', '\u00ff']) {
      const token = await new CompactSign(hmacKey(payload))
        .setProtectedHeader({ alg: 'EdDSA' })
        .sign(ed25519.privateKey);
      await expect(attempt(token)).rejects.toEqual(UNAUTHENTICATED);
    }
  });
});

describe('authenticate with an SLC by the client secret', () => {
  const hs256 = (secret: string) => sign({ alg: 'HS256', key: hmacKey(secret) });

  test('when the client keeps no copy of its secret, then HS256 does not count', async () => {
    own = await createClient(accounts.deps, { tenantId: 'own', isHs256Allowed: false });
    await expect(attempt(await hs256(own.clientSecret))).rejects.toEqual(UNAUTHENTICATED);
    const { clientSecret } = await rotateClientSecret(accounts.deps, {
      clientId: own.client.clientId,
      overlapMs: HOUR_MS,
    });
    await expect(attempt(await hs256(clientSecret))).rejects.toEqual(UNAUTHENTICATED);
  });

  test('when the secret was rotated, then both sign until the overlap is over', async () => {
    const { clientId } = own.client;
    const { clientSecret } = await rotateClientSecret(accounts.deps, {
      clientId,
      overlapMs: 60_000,
    });
    await expect(attempt(await hs256(own.clientSecret))).resolves.toBeDefined();
    await expect(attempt(await hs256(clientSecret))).resolves.toBeDefined();
    accounts.clock.atMs += 60_000;
    await expect(attempt(await hs256(own.clientSecret))).rejects.toEqual(UNAUTHENTICATED);
    await expect(attempt(await hs256(clientSecret))).resolves.toBeDefined();
  });

  test('when the sealed secret was stored for another client, then it does not open', async () => {
    const [stolen] = foreign.client.secrets;
    accounts.clients.set(own.client.clientId, { ...own.client, secrets: stolen ? [stolen] : [] });
    await expect(attempt(await hs256(foreign.clientSecret))).rejects.toThrow('does not open');
  });
});

describe('the work of an SLC', () => {
  const algorithms: readonly [string, () => Key, () => Key][] = [
    ['EdDSA', () => ed25519.privateKey, () => foreignEd25519.privateKey],
    ['ES256', () => p256.privateKey, () => foreignP256.privateKey],
    ['HS256', () => hmacKey(own.clientSecret), () => hmacKey(foreign.clientSecret)],
  ];

  test.each(algorithms)(
    'when the API key is unknown, then as much is done for %s as for a wrong signature',
    async (alg, rightKey, wrongKey) => {
      const right = await sign({ alg, key: rightKey() });
      const wrong = await sign({ alg, key: wrongKey() });
      const hmac = jest.spyOn(accounts.deps.pepper, 'use');
      const verify = jest.spyOn(globalThis.crypto.subtle, 'verify');
      const work = [];
      for (const [slc, apiKey] of [
        [wrong, own.apiKey],
        [right, foreign.apiKey],
        [right, 'lak_unknown'],
      ] as const) {
        hmac.mockClear();
        verify.mockClear();
        accounts.calls.length = 0;
        await expect(attempt(slc, { apiKey })).rejects.toEqual(UNAUTHENTICATED);
        work.push([hmac.mock.calls.length, verify.mock.calls.length, accounts.calls.join()]);
      }
      verify.mockRestore();
      expect(work).toEqual(Array(3).fill([1, 1, 'findClientByApiKey']));
    },
  );
});

function digest(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('base64url');
}
