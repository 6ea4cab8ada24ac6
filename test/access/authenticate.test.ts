import { beforeEach, describe, expect, jest, test } from '@jest/globals';
import { authenticate } from '../../src/access/authenticate.js';
import {
  createClient,
  type IssuedClient,
  revokeClient,
  rotateClientSecret,
  setClientScopes,
} from '../../src/access/clients.js';
import type { PresentedCredentials } from '../../src/access/presented.js';
import { createTenant } from '../../src/access/tenants.js';
import { HOUR_MS } from '../../src/lib/clock.js';
import { type Accounts, memoryAccounts } from './memory-accounts.js';

const NO_BODY = new Uint8Array(0);
const UNAUTHENTICATED = expect.objectContaining({ code: 'UNAUTHENTICATED', problems: [] });

let accounts: Accounts;
let own: IssuedClient;
let sibling: IssuedClient;
let foreign: IssuedClient;

beforeEach(async () => {
  accounts = memoryAccounts();
  const { deps } = accounts;
  await createTenant(deps, { displayName: 'Own', tenantId: 'own' });
  await createTenant(deps, { displayName: 'Foreign', tenantId: 'foreign' });
  own = await createClient(deps, { tenantId: 'own' });
  sibling = await createClient(deps, { tenantId: 'own' });
  foreign = await createClient(deps, { tenantId: 'foreign' });
});

function credentialsOf({ apiKey, client, clientSecret }: IssuedClient) {
  return { apiKey, clientId: client.clientId, clientSecret };
}

function attempt(presented: PresentedCredentials | undefined, mayUseApiKeyOnly = true) {
  return authenticate(accounts.deps, { presented, body: NO_BODY, mayUseApiKeyOnly });
}

describe('authenticate with a client secret', () => {
  test('when key, id and secret belong to one client, then it is that client, strictly', async () => {
    await expect(attempt(credentialsOf(own))).resolves.toEqual({
      tenantId: 'own',
      clientId: own.client.clientId,
      strength: 'strict',
      scopes: [],
    });
  });

  test('when the client has a scope, then it comes with the client, and not with its siblings', async () => {
    const { clientId } = own.client;
    await setClientScopes(accounts.deps, { clientId, scopes: ['audit:read'] });
    await expect(attempt(credentialsOf(own))).resolves.toMatchObject({ scopes: ['audit:read'] });
    await expect(attempt(credentialsOf(sibling))).resolves.toMatchObject({ scopes: [] });
  });

  test('when nothing is presented, then the request is unauthenticated', async () => {
    await expect(attempt(undefined)).rejects.toEqual(UNAUTHENTICATED);
  });

  const others = ['sibling', 'foreign'] as const;
  const parts = ['apiKey', 'clientId', 'clientSecret'] as const;

  test.each(parts)('when the %s is missing, then the request is unauthenticated', async (part) => {
    const { [part]: _, ...rest } = credentialsOf(own);
    await expect(attempt(rest)).rejects.toEqual(UNAUTHENTICATED);
  });

  test.each(
    parts.flatMap((part) => ['', 'x', 'lak_', 'A'.repeat(43)].map((v) => [part, v] as const)),
  )('when the %s is %j, then the request is unauthenticated', async (part, value) => {
    await expect(attempt({ ...credentialsOf(own), [part]: value })).rejects.toEqual(
      UNAUTHENTICATED,
    );
  });

  test.each(parts.flatMap((part) => others.map((other) => [part, other] as const)))(
    'when the %s is of the %s client, then the request is unauthenticated',
    async (part, other) => {
      const lender = credentialsOf(other === 'sibling' ? sibling : foreign);
      const mixed = { ...credentialsOf(own), [part]: lender[part] };
      await expect(attempt(mixed)).rejects.toEqual(UNAUTHENTICATED);
    },
  );

  test('when the stored digest is presented as the secret, then it does not count', async () => {
    const digest = own.client.secrets[0]?.digest ?? '';
    await expect(attempt({ ...credentialsOf(own), clientSecret: digest })).rejects.toEqual(
      UNAUTHENTICATED,
    );
  });

  test('when the client is unknown, foreign, revoked or wrong, then the work done is the same', async () => {
    await revokeClient(accounts.deps, sibling.client.clientId);
    const right = credentialsOf(own);
    const wrong = { ...right, clientSecret: 'lcs_wrong' };
    const shapes = {
      right,
      wrongSecret: wrong,
      wrongId: { ...right, clientId: 'lci_wrong' },
      unknownKey: { ...wrong, apiKey: 'lak_wrong' },
      foreignId: { ...right, clientId: foreign.client.clientId },
      foreignKey: { ...right, apiKey: foreign.apiKey },
      revoked: credentialsOf(sibling),
    };
    const hmac = jest.spyOn(accounts.deps.pepper, 'use');
    const work: Record<string, unknown> = {};
    for (const [name, presented] of Object.entries(shapes)) {
      hmac.mockClear();
      accounts.calls.length = 0;
      await attempt(presented).catch(() => undefined);
      work[name] = { hmacs: hmac.mock.calls.length, calls: [...accounts.calls] };
    }
    const same = { hmacs: 2, calls: ['findClientByApiKey'] };
    expect(work).toEqual(Object.fromEntries(Object.keys(shapes).map((name) => [name, same])));
  });
});

describe('authenticate while secrets rotate', () => {
  test('when a secret was rotated, then both are accepted until the overlap is over', async () => {
    const old = credentialsOf(own);
    const { clientSecret } = await rotateClientSecret(accounts.deps, {
      clientId: old.clientId,
      overlapMs: 24 * HOUR_MS,
    });
    const fresh = { ...old, clientSecret };
    accounts.clock.atMs += 24 * HOUR_MS - 1;
    await expect(attempt(old)).resolves.toBeDefined();
    await expect(attempt(fresh)).resolves.toBeDefined();
    accounts.clock.atMs += 1;
    await expect(attempt(old)).rejects.toEqual(UNAUTHENTICATED);
    await expect(attempt(fresh)).resolves.toBeDefined();
  });

  test('when the overlap is 0, then the previous secret ends at once', async () => {
    const { clientId } = own.client;
    await rotateClientSecret(accounts.deps, { clientId, overlapMs: 0 });
    await expect(attempt(credentialsOf(own))).rejects.toEqual(UNAUTHENTICATED);
  });

  test('when a secret was rotated twice, then only the two newest are accepted', async () => {
    const { clientId } = own.client;
    const rotation = { clientId, overlapMs: 24 * HOUR_MS };
    const second = await rotateClientSecret(accounts.deps, rotation);
    const third = await rotateClientSecret(accounts.deps, rotation);
    const old = credentialsOf(own);
    await expect(attempt(old)).rejects.toEqual(UNAUTHENTICATED);
    await expect(attempt({ ...old, clientSecret: second.clientSecret })).resolves.toBeDefined();
    await expect(attempt({ ...old, clientSecret: third.clientSecret })).resolves.toBeDefined();
    expect(third.client.secrets).toHaveLength(2);
  });

  test('when a client is revoked, then none of its credentials is accepted', async () => {
    const { clientId } = own.client;
    const second = await rotateClientSecret(accounts.deps, { clientId, overlapMs: HOUR_MS });
    await revokeClient(accounts.deps, clientId);
    const old = credentialsOf(own);
    await expect(attempt(old)).rejects.toEqual(UNAUTHENTICATED);
    await expect(attempt({ ...old, clientSecret: second.clientSecret })).rejects.toEqual(
      UNAUTHENTICATED,
    );
    await expect(attempt(credentialsOf(sibling))).resolves.toBeDefined();
  });
});

describe('authenticate with an API key alone', () => {
  let lenient: IssuedClient;

  beforeEach(async () => {
    await createTenant(accounts.deps, {
      displayName: 'Lenient',
      tenantId: 'lenient',
      authMode: 'apiKeyOnly',
    });
    lenient = await createClient(accounts.deps, { tenantId: 'lenient' });
  });

  test('when tenant and operation allow it, then the strength says so', async () => {
    await expect(attempt({ apiKey: lenient.apiKey })).resolves.toEqual({
      tenantId: 'lenient',
      clientId: lenient.client.clientId,
      strength: 'apiKeyOnly',
      scopes: [],
    });
  });

  test('when the client has a scope, then its key alone does not bring it', async () => {
    const { clientId } = lenient.client;
    await setClientScopes(accounts.deps, { clientId, scopes: ['audit:read'] });
    await expect(attempt({ apiKey: lenient.apiKey })).resolves.toMatchObject({ scopes: [] });
    await expect(attempt(credentialsOf(lenient))).resolves.toMatchObject({
      scopes: ['audit:read'],
    });
  });

  test('when the operation does not allow it, then the request is unauthenticated', async () => {
    await expect(attempt({ apiKey: lenient.apiKey }, false)).rejects.toEqual(UNAUTHENTICATED);
  });

  test('when the tenant is strict, then the request is unauthenticated', async () => {
    await expect(attempt({ apiKey: own.apiKey })).rejects.toEqual(UNAUTHENTICATED);
  });

  test('when full credentials come, then the strength is strict', async () => {
    await expect(attempt(credentialsOf(lenient), false)).resolves.toMatchObject({
      strength: 'strict',
    });
  });

  test.each([
    ['a wrong secret', { clientSecret: 'lcs_wrong' }],
    ['an empty secret', { clientSecret: '' }],
    ['a wrong client id', { clientId: 'lci_wrong' }],
    ['a malformed SLC', { slc: 'a.b.c' }],
  ])('when %s comes besides, then the key alone does not count', async (_, besides) => {
    await expect(attempt({ apiKey: lenient.apiKey, ...besides })).rejects.toEqual(UNAUTHENTICATED);
  });

  test('when the client is revoked, then its key does not count', async () => {
    await revokeClient(accounts.deps, lenient.client.clientId);
    await expect(attempt({ apiKey: lenient.apiKey })).rejects.toEqual(UNAUTHENTICATED);
  });

  test('when the key is unknown, then the work done is that of a strict tenant', async () => {
    const hmac = jest.spyOn(accounts.deps.pepper, 'use');
    const work = [];
    for (const apiKey of [lenient.apiKey, own.apiKey, 'lak_wrong']) {
      hmac.mockClear();
      accounts.calls.length = 0;
      await attempt({ apiKey }).catch(() => undefined);
      work.push([hmac.mock.calls.length, accounts.calls.join()]);
    }
    expect(work).toEqual(Array(3).fill([1, 'findClientByApiKey,findTenant']));
  });
});
