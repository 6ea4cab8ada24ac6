import { generateKeyPairSync } from 'node:crypto';
import { beforeEach, describe, expect, test } from '@jest/globals';
import {
  createClient,
  listClients,
  revokeClient,
  rotateClientSecret,
  setClientScopes,
} from '../../src/access/clients.js';
import { parseSlcKey } from '../../src/access/slc-key.js';
import { changeTenant, createTenant } from '../../src/access/tenants.js';
import { webhookTermsOf } from '../../src/access/webhook-terms.js';
import { parseLeaf } from '../../src/audit/leaf.js';
import type { ReviewContent } from '../../src/audit/reviews/record.js';
import { base64, utf8Text } from '../../src/lib/bytes.js';
import { HOUR_MS } from '../../src/lib/clock.js';
import { type Accounts, memoryAccounts, NOW_MS } from './memory-accounts.js';

let accounts: Accounts;

beforeEach(() => {
  accounts = memoryAccounts();
});

function tenant(tenantId = 'own') {
  return createTenant(accounts.deps, { displayName: 'Own', tenantId });
}

async function webhookSecrets(tenantId = 'own'): Promise<string[]> {
  const { secrets } = await webhookTermsOf(accounts.deps, tenantId);
  return secrets.map((secret) => secret.use((bytes) => `whsec_${base64(bytes)}`));
}

/** What the log and the review records of the entries tell, in order. */
function happenings(): object[] {
  return accounts.entries.map(({ entryId, leaf, review }) => {
    const { sealer } = accounts.deps;
    const content = utf8Text(sealer.open(review!.sealed, 'review', review!.bucket, entryId));
    const { t, op, outcome } = parseLeaf(leaf)!;
    return { t, op, outcome, ...(JSON.parse(content) as ReviewContent).details };
  });
}

function storedText(): string {
  const json = JSON.stringify([
    ...accounts.tenants.values(),
    ...accounts.clients.values(),
    ...accounts.entries,
  ]);
  const raw = [
    ...[...accounts.tenants.values()].flatMap(({ webhookSecrets }) => webhookSecrets),
    ...[...accounts.clients.values()].flatMap(({ secrets }) => secrets),
  ].map(({ sealed }) => (sealed ? Buffer.from(sealed).toString('latin1') : ''));
  return json + raw.join('');
}

describe('createTenant', () => {
  test('when nothing else is given, then the tenant is strict and has a random id', async () => {
    const { tenant: made, webhookSecret } = await createTenant(accounts.deps, {
      displayName: 'Acme',
    });
    expect(made).toMatchObject({
      displayName: 'Acme',
      authMode: 'strict',
      thresholds: {},
      frameOrigins: [],
      callbackHosts: [],
      redirectHosts: [],
      httpSignatures: false,
      createdAtMs: NOW_MS,
    });
    expect(made.tenantId).toMatch(/^[0-9a-f-]{36}$/);
    expect(webhookSecret).toMatch(/^whsec_[A-Za-z0-9+/]{43}=$/);
    expect(accounts.tenants.get(made.tenantId)).toEqual(made);
  });

  test('when it is made, then the audit log says so', async () => {
    await tenant();
    expect(happenings()).toEqual([
      { t: NOW_MS / 1_000, op: 'TENANT', outcome: 'succeeded', tenantId: 'own' },
    ]);
    expect(accounts.entries[0]?.leaf).not.toContain('own');
    expect(accounts.entries[0]?.review).toMatchObject({ tenantId: 'own', bucket: 'service' });
  });

  test('when the id is taken, then it is refused and nothing changes', async () => {
    const { tenant: first } = await tenant();
    await expect(tenant()).rejects.toMatchObject({
      code: 'VALIDATION_FAILED',
      problems: [{ pointer: '/tenantId', message: 'is taken' }],
    });
    expect(accounts.tenants.get('own')).toBe(first);
    expect(accounts.entries).toHaveLength(1);
  });

  const origins = (origin: string) => ({ frameOrigins: [origin] });
  test.each([
    ['/tenantId', { tenantId: '' }],
    ['/tenantId', { tenantId: '-own' }],
    ['/tenantId', { tenantId: 'a b' }],
    ['/tenantId', { tenantId: 'a'.repeat(65) }],
    ['/displayName', { displayName: ' ' }],
    ['/displayName', { displayName: 'a\nb' }],
    ['/displayName', { displayName: 'a\u202eb' }],
    ['/displayName', { displayName: 'a'.repeat(101) }],
    ['/frameOrigins', origins('http://example.com')],
    ['/frameOrigins', origins('https://example.com/')],
    ['/frameOrigins', origins('https://example.com/path')],
    ['/frameOrigins', origins("https://a.example; script-src 'unsafe-inline'")],
    ['/frameOrigins', origins('*')],
    ['/frameOrigins', origins('null')],
    ['/frameOrigins', origins('javascript:alert(1)')],
    ['/frameOrigins', origins('https://a;b')],
    ['/frameOrigins', { frameOrigins: Array<string>(21).fill('https://example.com') }],
    ['/callbackHosts', { callbackHosts: ['https://hooks.example.com'] }],
    ['/callbackHosts', { callbackHosts: ['hooks.example.com', 'Hooks.example.com'] }],
    ['/callbackHosts', { callbackHosts: Array<string>(51).fill('hooks.example.com') }],
    ['/redirectHosts', { redirectHosts: ['app.example.com:443'] }],
    ['/redirectHosts', { redirectHosts: Array<string>(51).fill('app.example.com') }],
    ['/thresholds', { thresholds: { unknown: { verify: 0.9, signIn: 0.9 } } }],
    ['/thresholds', { thresholds: { toString: { verify: 0.9, signIn: 0.9 } } }],
    ['/thresholds', { thresholds: { 'dlib-resnet-v1': { verify: 0, signIn: 0.9 } } }],
    ['/thresholds', { thresholds: { 'dlib-resnet-v1': { verify: 0.9, signIn: 1.1 } } }],
    ['/thresholds', { thresholds: { 'dlib-resnet-v1': { verify: Number.NaN, signIn: 0.9 } } }],
  ])('when %s would be wrong (%j), then it is refused', async (pointer, given) => {
    await expect(
      createTenant(accounts.deps, { displayName: 'Own', ...given }),
    ).rejects.toMatchObject({
      code: 'VALIDATION_FAILED',
      problems: [expect.objectContaining({ pointer })],
    });
    expect(accounts.tenants.size).toBe(0);
    expect(accounts.entries).toEqual([]);
  });

  test.each([
    'https://example.com',
    'https://example.com:8443',
    'http://localhost:3000',
    'http://[::1]:8080',
  ])('when %s may frame the page, then it is kept', async (origin) => {
    const { tenant: made } = await createTenant(accounts.deps, {
      displayName: 'Own',
      frameOrigins: [origin],
    });
    expect(made.frameOrigins).toEqual([origin]);
  });
});

describe('changeTenant', () => {
  test('when one thing is given, then the others stay', async () => {
    const { tenant: made } = await tenant();
    const { tenant: changed, webhookSecret } = await changeTenant(accounts.deps, {
      tenantId: 'own',
      authMode: 'apiKeyOnly',
    });
    expect(changed).toEqual({ ...made, authMode: 'apiKeyOnly' });
    expect(webhookSecret).toBeUndefined();
    expect(accounts.tenants.get('own')).toEqual(changed);
    expect(happenings()).toMatchObject([{ op: 'TENANT' }, { op: 'TENANT' }]);
  });

  test('when the tenant is unknown, then it is not found', async () => {
    await expect(changeTenant(accounts.deps, { tenantId: 'own' })).rejects.toMatchObject({
      code: 'NOT_FOUND',
    });
    expect(accounts.entries).toEqual([]);
  });

  test('when the change may not be stored, then nothing changes', async () => {
    const { tenant: made } = await tenant();
    await expect(
      changeTenant(accounts.deps, { tenantId: 'own', displayName: '' }),
    ).rejects.toMatchObject({
      code: 'VALIDATION_FAILED',
    });
    expect(accounts.tenants.get('own')).toBe(made);
  });
});

describe('webhookTermsOf', () => {
  test('when a tenant is made, then its one secret is the one that was shown', async () => {
    const { webhookSecret } = await tenant();
    expect(await webhookSecrets()).toEqual([webhookSecret]);
  });

  test('when the secret rotates, then both sign, newest first, until the overlap is over', async () => {
    const { webhookSecret: old } = await tenant();
    const { webhookSecret: fresh } = await changeTenant(accounts.deps, {
      tenantId: 'own',
      rotateWebhookSecret: { overlapMs: HOUR_MS },
    });
    accounts.clock.atMs += HOUR_MS - 1;
    expect(await webhookSecrets()).toEqual([fresh, old]);
    accounts.clock.atMs += 1;
    expect(await webhookSecrets()).toEqual([fresh]);
  });

  test('when a rotation has no overlap, then the new secret signs alone', async () => {
    await tenant();
    const { webhookSecret: fresh } = await changeTenant(accounts.deps, {
      tenantId: 'own',
      rotateWebhookSecret: { overlapMs: 0 },
    });
    expect(await webhookSecrets()).toEqual([fresh]);
  });

  test('when the tenant is unknown, then there are none', async () => {
    expect(await webhookSecrets('nobody')).toEqual([]);
  });

  test('when the terms are read, then all that belongs to the tenant comes of one look-up', async () => {
    const options = { callbackHosts: ['hooks.example'], httpSignatures: true };
    await createTenant(accounts.deps, { displayName: 'Own', tenantId: 'own', ...options });
    accounts.calls.length = 0;
    const terms = await webhookTermsOf(accounts.deps, 'own');
    expect(accounts.calls).toEqual(['findTenant']);
    expect(terms).toMatchObject(options);
    expect(terms.tls).toBeUndefined();
  });

  test('when the terms are wiped, then their secrets are gone', async () => {
    await tenant();
    const terms = await webhookTermsOf(accounts.deps, 'own');
    terms.wipe();
    expect(() => terms.secrets[0]?.use((bytes) => bytes)).toThrow('were wiped');
  });

  test('when a sealed secret is moved to another tenant, then it does not open', async () => {
    const { tenant: own } = await tenant();
    await tenant('other');
    accounts.tenants.set('other', { ...own, tenantId: 'other' });
    await expect(webhookSecrets('other')).rejects.toThrow('does not open');
  });
});

describe('createClient', () => {
  test('when it is made, then its secrets have 256 bits and a name each', async () => {
    await tenant();
    const { client, apiKey, clientSecret } = await createClient(accounts.deps, { tenantId: 'own' });
    expect(apiKey).toMatch(/^lak_[A-Za-z0-9_-]{43}$/);
    expect(clientSecret).toMatch(/^lcs_[A-Za-z0-9_-]{43}$/);
    expect(client.clientId).toMatch(/^lci_[A-Za-z0-9_-]{22}$/);
    expect(client.scopes).toEqual([]);
    expect(happenings().at(-1)).toEqual({
      t: NOW_MS / 1_000,
      op: 'CLIENT',
      outcome: 'succeeded',
      tenantId: 'own',
      clientId: client.clientId,
    });
  });

  test('when secrets are stored, then none of them is there in the clear', async () => {
    const { webhookSecret } = await tenant();
    const made = await createClient(accounts.deps, { tenantId: 'own' });
    const rotated = await rotateClientSecret(accounts.deps, {
      clientId: made.client.clientId,
      overlapMs: HOUR_MS,
    });
    const stored = storedText();
    expect(stored).toContain(made.client.clientId);
    const webhookBytes = Buffer.from(webhookSecret.slice(6), 'base64').toString('latin1');
    for (const secret of [
      made.apiKey,
      made.clientSecret,
      rotated.clientSecret,
      webhookSecret.slice(6),
      webhookBytes,
    ]) {
      expect(stored).not.toContain(secret);
    }
  });

  test('when the tenant is unknown, then nothing is made', async () => {
    await expect(createClient(accounts.deps, { tenantId: 'own' })).rejects.toMatchObject({
      code: 'NOT_FOUND',
    });
    expect(accounts.clients.size).toBe(0);
  });

  test('when it has more than 4 SLC keys, then it is refused', async () => {
    await tenant();
    const key = parseSlcKey(generateKeyPairSync('ed25519').publicKey.export({ format: 'jwk' }));
    const create = (count: number) =>
      createClient(accounts.deps, { tenantId: 'own', slcKeys: Array(count).fill(key) });
    await expect(create(5)).rejects.toMatchObject({ code: 'VALIDATION_FAILED' });
    await expect(create(4)).resolves.toBeDefined();
  });
});

describe('scopes of clients', () => {
  beforeEach(async () => {
    await tenant();
  });

  test('when a client is made with a scope, then it has it, until its scopes are replaced', async () => {
    const { client } = await createClient(accounts.deps, {
      tenantId: 'own',
      scopes: ['audit:read'],
    });
    expect(client.scopes).toEqual(['audit:read']);
    const { clientId } = client;
    const changed = await setClientScopes(accounts.deps, { clientId, scopes: [] });
    expect(changed).toEqual({ ...client, scopes: [] });
    expect(accounts.clients.get(clientId)).toEqual(changed);
    expect(happenings().at(-1)).toMatchObject({ op: 'CLIENT', tenantId: 'own', clientId });
  });

  test('when the client is unknown or was revoked, then its scopes are not changed', async () => {
    const { client } = await createClient(accounts.deps, { tenantId: 'own' });
    const { clientId } = client;
    await revokeClient(accounts.deps, clientId);
    const told = accounts.entries.length;
    const scopes = ['audit:read'] as const;
    await expect(setClientScopes(accounts.deps, { clientId, scopes })).rejects.toMatchObject({
      code: 'VALIDATION_FAILED',
    });
    await expect(
      setClientScopes(accounts.deps, { clientId: 'lci_x', scopes }),
    ).rejects.toMatchObject({ code: 'NOT_FOUND' });
    expect(accounts.clients.get(clientId)?.scopes).toEqual([]);
    expect(accounts.entries).toHaveLength(told);
  });
});

describe('rotating and revoking clients', () => {
  test.each(['rotate', 'revoke'])(
    'when a client to %s is unknown, then it is not found',
    async (verb) => {
      const change =
        verb === 'rotate'
          ? rotateClientSecret(accounts.deps, { clientId: 'lci_x', overlapMs: 0 })
          : revokeClient(accounts.deps, 'lci_x');
      await expect(change).rejects.toMatchObject({ code: 'NOT_FOUND' });
    },
  );

  test('when a client was revoked, then it keeps no secret and cannot be revived', async () => {
    await tenant();
    const { client } = await createClient(accounts.deps, { tenantId: 'own' });
    await revokeClient(accounts.deps, client.clientId);
    accounts.clock.passHours(1);
    const again = await revokeClient(accounts.deps, client.clientId);
    expect(again).toMatchObject({ secrets: [], slcKeys: [], revokedAtMs: NOW_MS });
    await expect(
      rotateClientSecret(accounts.deps, { clientId: client.clientId, overlapMs: 0 }),
    ).rejects.toMatchObject({ code: 'VALIDATION_FAILED' });
  });

  test('when clients are listed, then they are those of the tenant', async () => {
    await tenant();
    await tenant('other');
    const { client } = await createClient(accounts.deps, { tenantId: 'own' });
    await createClient(accounts.deps, { tenantId: 'other' });
    expect(await listClients(accounts.deps, 'own')).toEqual([client]);
    await expect(listClients(accounts.deps, 'nobody')).rejects.toMatchObject({ code: 'NOT_FOUND' });
  });
});

describe('parseSlcKey', () => {
  const ed25519 = generateKeyPairSync('ed25519');
  const p256 = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const jwkOf = (key: typeof p256.publicKey) => key.export({ format: 'jwk' });

  test('when it is a public key on one of the two curves, then its members are kept, others not', () => {
    const jwk = jwkOf(p256.publicKey);
    expect(parseSlcKey({ ...jwk, kid: 'one', use: 'sig', note: 'x' })).toEqual({
      ...jwk,
      kid: 'one',
    });
    expect(parseSlcKey(jwkOf(ed25519.publicKey))).toEqual(jwkOf(ed25519.publicKey));
  });

  test.each([
    ['an Ed25519 private key', jwkOf(ed25519.privateKey)],
    ['a P-256 private key', jwkOf(p256.privateKey)],
    ['a secret', { kty: 'oct', k: 'AAAA' }],
    ['an RSA key', jwkOf(generateKeyPairSync('rsa', { modulusLength: 2048 }).publicKey)],
    ['another curve', jwkOf(generateKeyPairSync('ec', { namedCurve: 'P-384' }).publicKey)],
    ['an X25519 key', jwkOf(generateKeyPairSync('x25519').publicKey)],
    ['a mixed key', { ...jwkOf(p256.publicKey), crv: 'Ed25519' }],
    ['a point off the curve', { ...jwkOf(p256.publicKey), y: 'A'.repeat(43) }],
    ['a short point', { kty: 'OKP', crv: 'Ed25519', x: 'AAAA' }],
    ['a text', 'key'],
    ['null', null],
  ])('when it is %s, then it is refused', (_, jwk) => {
    expect(() => parseSlcKey(jwk)).toThrow(expect.objectContaining({ code: 'VALIDATION_FAILED' }));
  });
});
