import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { randomId } from '../../src/lib/ids.js';
import { openTestStore, type TestStore } from '../support/stores.js';
import {
  ALL_BYTES,
  comparable,
  concurrently,
  DIFFICULT_TEXT,
  digest,
  NOW_MS,
  sampleClient,
  sampleTenant,
} from './samples.js';

let opened: TestStore;

beforeAll(async () => {
  opened = await openTestStore();
});

afterAll(async () => {
  await opened.destroy();
});

describe('tenants', () => {
  const full = sampleTenant({
    displayName: DIFFICULT_TEXT,
    authMode: 'apiKeyOnly',
    thresholds: { 'model.v1': { verify: 0.5, signIn: -0.25 }, $model: { verify: 1, signIn: 0 } },
    frameOrigins: ['https://a.example', 'https://b.example'],
    callbackHosts: ['hooks.example', '*.hooks.example'],
    redirectHosts: ['app.example', '[2001:db8::1]'],
    httpSignatures: true,
    webhookSecrets: [{ sealed: ALL_BYTES, expiresAtMs: NOW_MS }, { sealed: new Uint8Array() }],
    webhookTls: { ca: 'a\n', certificate: 'b\n', sealedKey: ALL_BYTES },
  });

  test('when a tenant is inserted, then it is found as it was given, also after the store was opened again', async () => {
    expect(await opened.store.access.insertTenant(full)).toBe(true);
    expect(comparable(await opened.store.access.findTenant(full.tenantId))).toStrictEqual(
      comparable(full),
    );
    const reopened = await opened.reopen();
    expect(comparable(await reopened.access.findTenant(full.tenantId))).toStrictEqual(
      comparable(full),
    );
  });

  test('when the id is taken, then the insert returns false and the first tenant stays', async () => {
    const { access } = opened.store;
    const first = sampleTenant({ displayName: 'first' });
    await access.insertTenant(first);
    expect(await access.insertTenant({ ...first, displayName: 'second' })).toBe(false);
    expect((await access.findTenant(first.tenantId))?.displayName).toBe('first');
  });

  test('when a tenant is replaced, then every member is the new one', async () => {
    const { access } = opened.store;
    const first = sampleTenant();
    await access.insertTenant(first);
    const second = { ...full, tenantId: first.tenantId, createdAtMs: NOW_MS + 1 };
    expect(await access.replaceTenant(second)).toBe(true);
    expect(comparable(await access.findTenant(first.tenantId))).toStrictEqual(comparable(second));
  });

  test.each([
    {},
    { webhookTls: { ca: 'another' } },
    { webhookTls: { certificate: 'another', sealedKey: ALL_BYTES } },
  ])('when a tenant is replaced by one with %j, then nothing of its TLS is left', async (tls) => {
    const { access } = opened.store;
    const first = { ...full, tenantId: randomId() };
    await access.insertTenant(first);
    const { webhookTls: _, ...others } = { ...first, httpSignatures: false };
    expect(await access.replaceTenant({ ...others, ...tls })).toBe(true);
    expect(comparable(await access.findTenant(others.tenantId))).toStrictEqual(
      comparable({ ...others, ...tls }),
    );
  });

  test('when there is no such tenant, then nothing is found, replaced or created', async () => {
    const { access } = opened.store;
    const unknown = sampleTenant();
    expect(await access.findTenant(unknown.tenantId)).toBeUndefined();
    expect(await access.replaceTenant(unknown)).toBe(false);
    expect(await access.findTenant(unknown.tenantId)).toBeUndefined();
  });

  test('when tenants are listed, then every one is there once', async () => {
    const { access } = opened.store;
    const tenants = [sampleTenant(), sampleTenant()];
    for (const tenant of tenants) await access.insertTenant(tenant);
    const listed = (await access.listTenants()).map((tenant) => tenant.tenantId);
    expect(new Set(listed).size).toBe(listed.length);
    expect(listed).toEqual(expect.arrayContaining(tenants.map((tenant) => tenant.tenantId)));
  });
});

describe('clients', () => {
  const full = sampleClient({
    secrets: [{ digest: digest(), sealed: ALL_BYTES, expiresAtMs: NOW_MS }, { digest: digest() }],
    slcKeys: [
      { kty: 'OKP', crv: 'Ed25519', x: digest() },
      { kty: 'EC', crv: 'P-256', x: digest(), y: digest(), kid: DIFFICULT_TEXT },
    ],
    scopes: ['audit:read'],
    revokedAtMs: NOW_MS + 1,
  });

  test('when a client is inserted, then it is found by id and by API key as it was given', async () => {
    expect(await opened.store.access.insertClient(full)).toBe(true);
    const { access } = await opened.reopen();
    expect(comparable(await access.findClient(full.clientId))).toStrictEqual(comparable(full));
    expect(comparable(await access.findClientByApiKey(full.apiKeyDigest))).toStrictEqual(
      comparable(full),
    );
  });

  test('when the id or the API key is taken, then the insert returns false and leaves nothing', async () => {
    const { access } = opened.store;
    const first = sampleClient();
    await access.insertClient(first);
    const sameId = sampleClient({ clientId: first.clientId });
    const sameKey = sampleClient({ apiKeyDigest: first.apiKeyDigest });
    expect(await access.insertClient(sameId)).toBe(false);
    expect(await access.insertClient(sameKey)).toBe(false);
    expect(await access.findClientByApiKey(sameId.apiKeyDigest)).toBeUndefined();
    expect(await access.findClient(sameKey.clientId)).toBeUndefined();
    expect(comparable(await access.findClient(first.clientId))).toStrictEqual(comparable(first));
  });

  test('when many insert one API key at once, then one of them succeeds', async () => {
    const { access } = opened.store;
    const apiKeyDigest = digest();
    const inserted = await concurrently(20, () =>
      access.insertClient(sampleClient({ apiKeyDigest })),
    );
    expect(inserted.filter(Boolean)).toHaveLength(1);
  });

  test('when a client gets another API key, then the old one finds nothing', async () => {
    const { access } = opened.store;
    const first = sampleClient({ revokedAtMs: NOW_MS });
    await access.insertClient(first);
    const { secrets, slcKeys, scopes } = full;
    const changed = { apiKeyDigest: digest(), secrets, slcKeys, scopes };
    const { revokedAtMs: _, ...second } = { ...first, ...changed };
    expect(await access.replaceClient(second)).toBe(true);
    expect(await access.findClientByApiKey(first.apiKeyDigest)).toBeUndefined();
    expect(comparable(await access.findClientByApiKey(second.apiKeyDigest))).toStrictEqual(
      comparable(second),
    );
  });

  test('when there is no such client, then nothing is found, replaced or created', async () => {
    const { access } = opened.store;
    const unknown = sampleClient();
    expect(await access.findClient(unknown.clientId)).toBeUndefined();
    expect(await access.findClientByApiKey(unknown.apiKeyDigest)).toBeUndefined();
    expect(await access.replaceClient(unknown)).toBe(false);
    expect(await access.findClient(unknown.clientId)).toBeUndefined();
  });

  test("when a tenant's clients are listed, then another tenant's are not among them", async () => {
    const { access } = opened.store;
    const tenantId = randomId();
    const mine = [sampleClient({ tenantId }), sampleClient({ tenantId })];
    for (const client of [...mine, sampleClient()]) await access.insertClient(client);
    const listed = (await access.listClients(tenantId)).map((client) => client.clientId);
    expect(listed.toSorted()).toEqual(mine.map((client) => client.clientId).toSorted());
    expect(await access.listClients(randomId())).toEqual([]);
  });
});

describe('single-use tokens', () => {
  test('when a token is used again, then the answer is false, also after the store was opened again', async () => {
    const token = { clientId: randomId(), tokenId: DIFFICULT_TEXT, expiresAtMs: NOW_MS };
    expect(await opened.store.access.useToken(token)).toBe(true);
    expect(await opened.store.access.useToken(token)).toBe(false);
    const { access } = await opened.reopen();
    expect(await access.useToken(token)).toBe(false);
    expect(await access.useToken({ ...token, clientId: randomId() })).toBe(true);
  });

  test('when many use one token at once, then one of them succeeds', async () => {
    const token = { clientId: randomId(), tokenId: randomId(), expiresAtMs: NOW_MS };
    const used = await concurrently(20, () => opened.store.access.useToken(token));
    expect(used.filter(Boolean)).toHaveLength(1);
  });

  test('when many use one token in transactions at once, then what one of them wrote is there', async () => {
    const token = { clientId: 'result of a session', tokenId: randomId(), expiresAtMs: NOW_MS };
    const clients = Array.from({ length: 20 }, () => sampleClient());
    const used = await Promise.allSettled(
      clients.map((client) =>
        opened.store.transaction(async ({ access }) => {
          await access.insertClient(client);
          if (!(await access.useToken(token))) throw new Error('used');
        }),
      ),
    );
    const { access } = opened.store;
    const found = await Promise.all(clients.map(({ clientId }) => access.findClient(clientId)));
    const winners = used.map(({ status }) => status === 'fulfilled');
    expect(winners.filter(Boolean)).toHaveLength(1);
    expect(found.map((client) => client !== undefined)).toEqual(winners);
  });

  test('when expired tokens are removed, then at most the limit go, and those that are valid stay', async () => {
    const { access } = opened.store;
    const clientId = randomId();
    for (const expiresAtMs of [1_000, 2_000, 3_000, 4_001]) {
      await access.useToken({ clientId, tokenId: String(expiresAtMs), expiresAtMs });
    }
    expect(await access.removeExpiredTokens(4_000, 2)).toBe(2);
    expect(await access.removeExpiredTokens(4_000, 2)).toBe(1);
    expect(await access.removeExpiredTokens(4_000, 2)).toBe(0);
    expect(await access.useToken({ clientId, tokenId: '4001', expiresAtMs: 4_001 })).toBe(false);
  });
});
