import { newEntry } from '../audit/reviews/record.js';
import { invalidAt } from '../errors/service-error.js';
import { utf8 } from '../lib/bytes.js';
import { type AccountDeps, noSuchClient, noSuchTenant } from './accounts.js';
import {
  liveSecrets,
  newApiKey,
  newClientId,
  newClientSecret,
  rotateSecrets,
  secretDigest,
} from './secrets.js';
import type { SlcKey } from './slc-key.js';
import type { Client, ClientScope, ClientSecret } from './tenant.js';

/** Each key costs a signature check per request that presents an SLC. */
const MAX_SLC_KEYS = 4;

/** A new client with its secrets: the only time that they are shown. */
export interface IssuedClient {
  readonly client: Client;
  readonly apiKey: string;
  readonly clientSecret: string;
}

/**
 * Makes a client of a tenant with an API key and a client secret. The secret is also kept sealed,
 * so that HS256 credentials can be verified, unless `isHs256Allowed` is false.
 *
 * Throws NOT_FOUND for an unknown tenant, VALIDATION_FAILED for more than 4 SLC keys.
 */
export async function createClient(
  deps: AccountDeps,
  request: {
    tenantId: string;
    slcKeys?: readonly SlcKey[];
    scopes?: readonly ClientScope[];
    isHs256Allowed?: boolean;
  },
): Promise<IssuedClient> {
  const { tenantId, slcKeys = [], scopes = [], isHs256Allowed = true } = request;
  if (slcKeys.length > MAX_SLC_KEYS) throw invalidAt('/slcKeys', 'must be at most 4 keys');
  const clientId = newClientId();
  const apiKey = newApiKey();
  const clientSecret = newClientSecret();
  const client: Client = {
    clientId,
    tenantId,
    apiKeyDigest: secretDigest(deps.pepper, apiKey),
    secrets: [storedSecret(deps, { clientId, clientSecret, isHs256Allowed })],
    slcKeys,
    scopes,
    createdAtMs: deps.clock.nowMs(),
  };
  await deps.store.transaction(async ({ access, audit }) => {
    if ((await access.findTenant(tenantId)) === undefined) throw noSuchTenant();
    if (!(await access.insertClient(client))) throw new Error('a random client id was taken');
    await audit.append(newEntry(deps, { op: 'CLIENT', outcome: 'succeeded', tenantId, clientId }));
  });
  return { client, apiKey, clientSecret };
}

/**
 * Gives a client a new secret; the previous one stays live for the overlap, older ones end at once.
 * The API key stays: to replace it, create another client of the tenant and revoke this one.
 *
 * Throws NOT_FOUND for an unknown client, VALIDATION_FAILED for a revoked one.
 */
export async function rotateClientSecret(
  deps: AccountDeps,
  request: { clientId: string; overlapMs: number },
): Promise<{ client: Client; clientSecret: string }> {
  const { clientId, overlapMs } = request;
  const clientSecret = newClientSecret();
  const nowMs = deps.clock.nowMs();
  const client = await changeClient(deps, clientId, (current) => {
    if (current.revokedAtMs !== undefined) throw invalidAt('/clientId', 'was revoked');
    const [newest] = liveSecrets(current.secrets, nowMs);
    const isHs256Allowed = newest?.sealed !== undefined;
    const fresh = storedSecret(deps, { clientId, clientSecret, isHs256Allowed });
    return { ...current, secrets: rotateSecrets(current.secrets, { fresh, nowMs, overlapMs }) };
  });
  return { client, clientSecret };
}

/** Replaces what a client may do. Throws NOT_FOUND for an unknown client, VALIDATION_FAILED for a revoked one. */
export async function setClientScopes(
  deps: AccountDeps,
  { clientId, scopes }: { clientId: string; scopes: readonly ClientScope[] },
): Promise<Client> {
  return await changeClient(deps, clientId, (current) => {
    if (current.revokedAtMs !== undefined) throw invalidAt('/clientId', 'was revoked');
    return { ...current, scopes };
  });
}

/**
 * Ends a client at once: none of its credentials is accepted again. Irreversible: its secrets and
 * keys are dropped. May be repeated; the first time counts. Throws NOT_FOUND for an unknown client.
 */
export async function revokeClient(deps: AccountDeps, clientId: string): Promise<Client> {
  const revokedAtMs = deps.clock.nowMs();
  return await changeClient(deps, clientId, (current) => ({
    ...current,
    secrets: [],
    slcKeys: [],
    scopes: [],
    revokedAtMs: current.revokedAtMs ?? revokedAtMs,
  }));
}

/** Throws NOT_FOUND for an unknown tenant. */
export async function listClients(deps: AccountDeps, tenantId: string): Promise<readonly Client[]> {
  const { access } = deps.store;
  if ((await access.findTenant(tenantId)) === undefined) throw noSuchTenant();
  return await access.listClients(tenantId);
}

async function changeClient(
  deps: AccountDeps,
  clientId: string,
  change: (current: Client) => Client,
): Promise<Client> {
  return await deps.store.transaction(async ({ access, audit }) => {
    const current = await access.findClient(clientId);
    if (current === undefined) throw noSuchClient();
    const changed = change(current);
    if (!(await access.replaceClient(changed))) throw noSuchClient();
    const { tenantId } = changed;
    await audit.append(newEntry(deps, { op: 'CLIENT', outcome: 'succeeded', tenantId, clientId }));
    return changed;
  });
}

function storedSecret(
  deps: AccountDeps,
  made: { clientId: string; clientSecret: string; isHs256Allowed: boolean },
): ClientSecret {
  const digest = secretDigest(deps.pepper, made.clientSecret);
  if (!made.isHs256Allowed) return { digest };
  const sealed = deps.sealer.seal(utf8(made.clientSecret), 'client-secret', made.clientId);
  return { digest, sealed };
}
