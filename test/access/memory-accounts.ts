import type { AccessStore } from '../../src/access/access-store.js';
import type { Client, Tenant } from '../../src/access/tenant.js';
import type { PendingEntry } from '../../src/audit/log-store.js';
import type { Review } from '../../src/audit/reviews/review-store.js';
import { serviceReviews } from '../../src/audit/reviews/reviews.js';
import { createSealer } from '../../src/crypto/sealer.js';
import { SecretBytes } from '../../src/crypto/secret-bytes.js';
import { HOUR_MS } from '../../src/lib/clock.js';

/** 2026-09-13T12:26:40Z. */
export const NOW_MS = 1_789_302_400_000;
export const PUBLIC_URL = 'https://lethe.example';

/** Accounts in memory, at the port, so that these tests say what the room does and not a database. */
export function memoryAccounts() {
  const tenants = new Map<string, Tenant>();
  const clients = new Map<string, Client>();
  const tokens = new Map<string, number>();
  const entries: (PendingEntry & { readonly review?: Review })[] = [];
  const calls: string[] = [];
  const counted = <T>(name: string, result: T): Promise<T> => {
    calls.push(name);
    return Promise.resolve(result);
  };
  const put = <T>(
    map: Map<string, T>,
    key: string,
    { value, exists }: { value: T; exists: boolean },
  ) => {
    if (map.has(key) !== exists) return false;
    map.set(key, value);
    return true;
  };
  const access: AccessStore = {
    insertTenant: (value) =>
      counted('insertTenant', put(tenants, value.tenantId, { value, exists: false })),
    findTenant: (tenantId) => counted('findTenant', tenants.get(tenantId)),
    replaceTenant: (value) =>
      counted('replaceTenant', put(tenants, value.tenantId, { value, exists: true })),
    listTenants: () => counted('listTenants', [...tenants.values()]),
    insertClient: (value) =>
      counted('insertClient', put(clients, value.clientId, { value, exists: false })),
    findClient: (clientId) => counted('findClient', clients.get(clientId)),
    findClientByApiKey: (digest) =>
      counted(
        'findClientByApiKey',
        [...clients.values()].find((c) => c.apiKeyDigest === digest),
      ),
    replaceClient: (value) =>
      counted('replaceClient', put(clients, value.clientId, { value, exists: true })),
    listClients: (tenantId) =>
      counted(
        'listClients',
        [...clients.values()].filter((c) => c.tenantId === tenantId),
      ),
    useToken: ({ clientId, tokenId, expiresAtMs }) =>
      counted(
        'useToken',
        put(tokens, `${clientId} ${tokenId}`, { value: expiresAtMs, exists: false }),
      ),
    removeExpiredTokens: () => counted('removeExpiredTokens', 0),
  };
  const audit = {
    append: (entry: (typeof entries)[number]) => {
      entries.push(entry);
      return Promise.resolve();
    },
  };
  const clock = {
    atMs: NOW_MS,
    nowMs: () => clock.atMs,
    passHours: (hours: number) => {
      clock.atMs += hours * HOUR_MS;
    },
  };
  const store = {
    access,
    transaction: <T>(work: (stores: { access: AccessStore; audit: typeof audit }) => Promise<T>) =>
      work({ access, audit }),
  };
  const pepper = SecretBytes.random(32);
  const sealer = createSealer(SecretBytes.random(32));
  return {
    deps: {
      store,
      access,
      sealer,
      reviews: serviceReviews(sealer),
      pepper,
      clock,
      publicUrl: PUBLIC_URL,
      models: { 'dlib-resnet-v1': {} },
    },
    clock,
    calls,
    entries,
    tenants,
    clients,
    tokens,
  };
}

export type Accounts = ReturnType<typeof memoryAccounts>;
