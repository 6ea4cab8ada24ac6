import type { Sealer } from '../crypto/sealer.js';
import { SecretBytes } from '../crypto/secret-bytes.js';
import { base64 } from '../lib/bytes.js';
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
