import { rmSync, writeFileSync } from 'node:fs';
import { createClient } from './clients.js';
import { CLIENT_SCOPES } from './tenant.js';
import { createTenant, type TenantDeps } from './tenants.js';

/** The tenant of a first start. */
const DEMO_TENANT_ID = 'demo';

/**
 * Makes the tenant `demo` with one client, where there is no tenant at all yet, and writes what an
 * integrator needs to `path`, mode 0600:
 * `{apiKey, clientID, clientSecret, webhookSecret, webhookPublicKey}`. Returns whether it did.
 */
export async function createDemoTenant(
  deps: TenantDeps,
  { path, webhookPublicKey }: { path: string; webhookPublicKey: string },
): Promise<boolean> {
  if ((await deps.store.access.listTenants()).length > 0) return false;
  const { webhookSecret } = await createTenant(deps, {
    displayName: 'Demo',
    tenantId: DEMO_TENANT_ID,
  });
  const { client, apiKey, clientSecret } = await createClient(deps, {
    tenantId: DEMO_TENANT_ID,
    scopes: CLIENT_SCOPES,
  });
  const { clientId: clientID } = client;
  const credentials = { apiKey, clientID, clientSecret, webhookSecret, webhookPublicKey };
  // An older file, and whatever its mode is, goes first.
  rmSync(path, { force: true });
  writeFileSync(path, `${JSON.stringify(credentials, null, 2)}\n`, { mode: 0o600, flag: 'wx' });
  return true;
}

/** Whether the demo client, whose credentials lie in a file, is still accepted. */
export async function isDemoLive(deps: Pick<TenantDeps, 'store'>): Promise<boolean> {
  const clients = await deps.store.access.listClients(DEMO_TENANT_ID);
  return clients.some((client) => client.revokedAtMs === undefined);
}
