import { newEntry } from '../audit/reviews/record.js';
import { invalidAt } from '../errors/service-error.js';
import { randomId } from '../lib/ids.js';
import { type AccountDeps, noSuchTenant } from './accounts.js';
import { rotateSecrets } from './secrets.js';
import type { Tenant } from './tenant.js';
import { checkTenant, type KnownModels } from './tenant-policy.js';
import { newWebhookSecret } from './webhook-secret.js';
import { prepareTlsChange, type TlsChange } from './webhook-tls.js';

export interface TenantDeps extends AccountDeps {
  readonly models: KnownModels;
}

/** A tenant, and its webhook secret where one was made: the only time that it is shown. */
export interface IssuedTenant {
  readonly tenant: Tenant;
  readonly webhookSecret?: string;
}

/** What may be chosen of a tenant, lists as a whole. */
export type TenantOptions = Partial<
  Pick<
    Tenant,
    | 'authMode'
    | 'frameOrigins'
    | 'callbackHosts'
    | 'redirectHosts'
    | 'httpSignatures'
    | 'thresholds'
  >
> & { readonly webhookTls?: TlsChange };

/**
 * Makes a tenant with a fresh webhook secret; a random id unless one is given.
 *
 * Throws VALIDATION_FAILED for a policy that may not be stored or an id that is taken.
 */
export async function createTenant(
  deps: TenantDeps,
  request: TenantOptions & { displayName: string; tenantId?: string },
): Promise<Required<IssuedTenant>> {
  const tenantId = request.tenantId ?? randomId();
  const secret = newWebhookSecret(deps.sealer, tenantId);
  const webhookTls = prepareTlsChange(deps, { ...request.webhookTls, tenantId })(undefined);
  const tenant: Tenant = {
    tenantId,
    displayName: request.displayName,
    authMode: request.authMode ?? 'strict',
    thresholds: request.thresholds ?? {},
    frameOrigins: request.frameOrigins ?? [],
    callbackHosts: request.callbackHosts ?? [],
    redirectHosts: request.redirectHosts ?? [],
    httpSignatures: request.httpSignatures ?? false,
    webhookSecrets: [secret.stored],
    ...(webhookTls && { webhookTls }),
    createdAtMs: deps.clock.nowMs(),
  };
  checkTenant(tenant, deps.models);
  await deps.store.transaction(async ({ access, audit }) => {
    if (!(await access.insertTenant(tenant))) throw invalidAt('/tenantId', 'is taken');
    await audit.append(newEntry(deps, { op: 'TENANT', outcome: 'succeeded', tenantId }));
  });
  return { tenant, webhookSecret: secret.text };
}

/** What is given is changed. */
export interface TenantChange extends TenantOptions {
  readonly tenantId: string;
  readonly displayName?: string;
  /** Makes a new webhook secret; the previous one goes on signing as well for so long. */
  readonly rotateWebhookSecret?: { readonly overlapMs: number };
}

/** Throws NOT_FOUND for an unknown tenant, VALIDATION_FAILED for a policy that may not be stored. */
export async function changeTenant(deps: TenantDeps, change: TenantChange): Promise<IssuedTenant> {
  const { tenantId, rotateWebhookSecret: rotation, webhookTls: tlsChange, ...policy } = change;
  const changeTls = prepareTlsChange(deps, { ...tlsChange, tenantId });
  const secret = rotation && newWebhookSecret(deps.sealer, tenantId);
  const nowMs = deps.clock.nowMs();
  const tenant = await deps.store.transaction(async ({ access, audit }) => {
    const current = await access.findTenant(tenantId);
    if (current === undefined) throw noSuchTenant();
    const { webhookTls: currentTls, ...others } = current;
    const webhookTls = changeTls(currentTls);
    const changed: Tenant = {
      ...others,
      ...policy,
      ...(webhookTls && { webhookTls }),
      ...(secret && {
        webhookSecrets: rotateSecrets(current.webhookSecrets, {
          fresh: secret.stored,
          nowMs,
          overlapMs: rotation.overlapMs,
        }),
      }),
    };
    checkTenant(changed, deps.models);
    if (!(await access.replaceTenant(changed))) throw noSuchTenant();
    await audit.append(newEntry(deps, { op: 'TENANT', outcome: 'succeeded', tenantId }));
    return changed;
  });
  return { tenant, ...(secret && { webhookSecret: secret.text }) };
}
