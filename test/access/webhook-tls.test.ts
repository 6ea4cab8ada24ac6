import { generateKeyPairSync } from 'node:crypto';
import { beforeEach, describe, expect, test } from '@jest/globals';
import { changeTenant, createTenant } from '../../src/access/tenants.js';
import { webhookTermsOf } from '../../src/access/webhook-terms.js';
import { SecretBytes } from '../../src/crypto/secret-bytes.js';
import { utf8 } from '../../src/lib/bytes.js';
import { createAuthority, type Identity } from '../support/mutual-tls.js';
import { type Accounts, memoryAccounts } from './memory-accounts.js';

const authority = createAuthority('private');
const identity = authority.client();
let accounts: Accounts;

beforeEach(() => {
  accounts = memoryAccounts();
});

function secret(text: string): SecretBytes {
  return SecretBytes.take(Buffer.from(text));
}

function clientOf({ cert, key }: Identity) {
  return { certificate: cert, key: secret(key) };
}

async function create(webhookTls: object, tenantId = 'own') {
  return await createTenant(accounts.deps, { displayName: 'Own', tenantId, webhookTls });
}

describe('the TLS of a tenant', () => {
  test('when it is given, then it is had again for an attempt, key and all', async () => {
    await create({ ca: authority.cert, client: clientOf(identity) });
    const { tls } = await webhookTermsOf(accounts.deps, 'own');
    expect(tls).toMatchObject({ ca: authority.cert, certificate: identity.cert });
    const key = tls?.openKey?.();
    expect(key?.use((bytes) => Buffer.from(bytes).toString())).toBe(identity.key);
  });

  test('when a file holds more than certificates, then only they are kept', async () => {
    const certificate = `subject=CN = client\n${identity.key}${identity.cert}${authority.cert}`;
    const { tenant } = await create({
      ca: `# ours\n${authority.cert}`,
      client: { certificate, key: secret(identity.key) },
    });
    expect(tenant.webhookTls).toEqual({
      ca: authority.cert,
      certificate: identity.cert + authority.cert,
      sealedKey: expect.any(Uint8Array),
    });
  });

  const expired = createAuthority('old').client({ notAfter: '200101000000Z' });
  const encryptedKey = identity.keyObject
    .export({ type: 'pkcs8', format: 'pem', cipher: 'aes-256-cbc', passphrase: 'x' })
    .toString();
  const otherKey = generateKeyPairSync('ec', { namedCurve: 'P-256' })
    .privateKey.export({ type: 'pkcs8', format: 'pem' })
    .toString();
  const broken = identity.cert.replace(/\n[\w+/]{8}/, '\nAAAAAAAA');

  test.each<[string, string, () => object]>([
    ['/webhookTls/ca', 'hold a certificate', () => ({ ca: '' })],
    ['/webhookTls/ca', 'hold a certificate', () => ({ ca: 'no PEM' })],
    ['/webhookTls/ca', 'hold a certificate', () => ({ ca: identity.key })],
    ['/webhookTls/ca', 'hold a certificate', () => ({ ca: authority.cert + broken })],
    ['/webhookTls/ca', 'at most 64 KiB', () => ({ ca: authority.cert.repeat(200) })],
    ['/webhookTls/ca', 'has expired', () => ({ ca: authority.cert + expired.cert })],
    [
      '/webhookTls/certificate',
      'hold a certificate',
      () => ({ client: clientOf({ cert: identity.key, key: identity.key }) }),
    ],
    ['/webhookTls/certificate', 'has expired', () => ({ client: clientOf(expired) })],
    ...['no PEM', '', identity.cert, encryptedKey, identity.key.padEnd(70_000)].map(
      (key): [string, string, () => object] => [
        '/webhookTls/key',
        'must be a private key in PEM without a passphrase',
        () => ({ client: clientOf({ cert: identity.cert, key }) }),
      ],
    ),
    ...[otherKey, authority.client().key].map((key): [string, string, () => object] => [
      '/webhookTls/key',
      'is not the key of the first certificate',
      () => ({ client: clientOf({ cert: identity.cert, key }) }),
    ]),
    [
      '/webhookTls/key',
      'is not the key of the first certificate',
      () => ({ client: clientOf({ cert: authority.cert + identity.cert, key: identity.key }) }),
    ],
  ])('when it is wrong at %s (%s), then it is refused', async (pointer, sentence, tls) => {
    await expect(create(tls())).rejects.toMatchObject({
      code: 'VALIDATION_FAILED',
      problems: [{ pointer, message: expect.stringContaining(sentence) }],
    });
    expect(accounts.tenants.size).toBe(0);
  });

  test('when a sealed key is moved to another tenant, then it does not open', async () => {
    const { tenant } = await create({ client: clientOf(identity) });
    accounts.tenants.set('other', { ...tenant, tenantId: 'other', webhookSecrets: [] });
    const { tls } = await webhookTermsOf(accounts.deps, 'other');
    expect(() => tls?.openKey?.()).toThrow('does not open');
  });

  test('when it differs in tenant, authority, certificate or sealing, then so does the identity', async () => {
    const identityOf = async (tenantId: string): Promise<string | undefined> =>
      (await webhookTermsOf(accounts.deps, tenantId)).tls?.identity;
    await create({ ca: authority.cert, client: clientOf(identity) });
    await create({ ca: authority.cert, client: clientOf(identity) }, 'other');
    const first = await identityOf('own');
    expect(await identityOf('own')).toBe(first);
    const seen = new Set([first, await identityOf('other')]);
    for (const webhookTls of [
      { client: clientOf(identity) },
      { client: clientOf(authority.client()) },
      { ca: createAuthority('another').cert },
      { client: null },
    ]) {
      await changeTenant(accounts.deps, { tenantId: 'own', webhookTls });
      seen.add(await identityOf('own'));
    }
    expect(seen.size).toBe(6);
    // The same text with nothing sealed beside it.
    await changeTenant(accounts.deps, { tenantId: 'other', webhookTls: { client: null } });
    await changeTenant(accounts.deps, { tenantId: 'own', webhookTls: { ca: authority.cert } });
    expect(await identityOf('other')).not.toBe(await identityOf('own'));
    expect([...seen].every((text) => text?.length === 43)).toBe(true);
    expect(utf8(first ?? '')).toHaveLength(43);
  });
});
