import { hmacSha256 } from '../crypto/hash.js';
import { signDetached } from '../crypto/jws.js';
import type { SecretBytes } from '../crypto/secret-bytes.js';
import type { SigningKey } from '../crypto/signing-key.js';
import { base64, utf8 } from '../lib/bytes.js';
import { SECOND_MS } from '../lib/clock.js';

/** What signs a tenant's webhooks. */
export interface WebhookKeys {
  readonly signingKey: SigningKey;
  /** 32 bytes each; two while the tenant rotates, none when it has no secret. */
  readonly secrets: readonly SecretBytes[];
}

export type SignatureHeaders = Readonly<
  Record<'webhook-id' | 'webhook-timestamp' | 'webhook-signature' | 'webhook-jws', string>
>;

/**
 * The signature headers of one attempt (Standard Webhooks 1.0.0, RFC 7515, RFC 7797):
 *
 * - `webhook-id`: the delivery, the same in every attempt;
 * - `webhook-timestamp`: Unix seconds of this attempt;
 * - `webhook-signature`: over the bytes `id.timestamp.body`, one `v1,` (HMAC-SHA-256, base64) for
 *   each secret and one `v1a,` (Ed25519, base64), separated by blanks;
 * - `webhook-jws`: detached EdDSA JWS over the body alone, so that it can be kept with the body as
 *   evidence; it says nothing of when or how often the body was sent.
 */
export async function signWebhook(
  keys: WebhookKeys,
  attempt: { deliveryId: string; attemptedAtMs: number; body: Uint8Array },
): Promise<SignatureHeaders> {
  const timestamp = Math.floor(attempt.attemptedAtMs / SECOND_MS).toString();
  const prefix = utf8(`${attempt.deliveryId}.${timestamp}.`);
  const content = Buffer.concat([prefix, attempt.body]);
  const [ed25519, jws] = await Promise.all([
    keys.signingKey.signAside(content),
    signDetached(keys.signingKey, attempt.body),
  ]);
  const signatures = [
    ...keys.secrets.map((secret) => `v1,${base64(hmacSha256(secret, content))}`),
    `v1a,${base64(ed25519)}`,
  ];
  return {
    'webhook-id': attempt.deliveryId,
    'webhook-timestamp': timestamp,
    'webhook-signature': signatures.join(' '),
    'webhook-jws': jws,
  };
}

/** The text in which an integrator gets the Ed25519 public key: `whpk_` and base64 of 32 bytes. */
export function webhookPublicKeyText(key: Pick<SigningKey, 'publicBytes'>): string {
  return `whpk_${base64(key.publicBytes)}`;
}
