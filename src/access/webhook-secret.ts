import type { Sealer } from '../crypto/sealer.js';
import { SecretBytes } from '../crypto/secret-bytes.js';
import { base64 } from '../lib/bytes.js';
import type { Clock } from '../lib/clock.js';
import type { AccessStore } from './access-store.js';
import { liveSecrets } from './secrets.js';
import type { SealedSecret } from './tenant.js';

const SECRET_BYTES = 32;

/** A fresh webhook secret: its text for the integrator, shown once, and what is stored of it. */
export interface NewWebhookSecret {
  /** `whsec_` and the base64 of 32 random bytes (Standard Webhooks 1.0.0). */
  readonly text: string;
  readonly stored: SealedSecret;
}

/** Makes the secret that signs the webhooks of a tenant; sealed for that tenant alone. */
export function newWebhookSecret(sealer: Sealer, tenantId: string): NewWebhookSecret {
  const secret = SecretBytes.random(SECRET_BYTES);
  const made = secret.use((bytes) => ({
    text: `whsec_${base64(bytes)}`,
    stored: { sealed: sealer.seal(bytes, 'webhook-secret', tenantId) },
  }));
  secret.wipe();
  return made;
}

/**
 * The secrets that sign a tenant's webhooks now, newest first: one, or two while they rotate; each
 * 32 bytes, the HMAC key itself, for the caller to wipe. Empty when there is no such tenant.
 *
 * Throws SealBroken when they were sealed under another service key.
 */
export async function webhookSecretsOf(
  deps: { access: Pick<AccessStore, 'findTenant'>; sealer: Sealer; clock: Clock },
  tenantId: string,
): Promise<SecretBytes[]> {
  const tenant = await deps.access.findTenant(tenantId);
  return liveSecrets(tenant?.webhookSecrets ?? [], deps.clock.nowMs()).map(({ sealed }) =>
    SecretBytes.take(deps.sealer.open(sealed, 'webhook-secret', tenantId)),
  );
}
