import type { WebhookTls } from '../callbacks/webhook-sender.js';
import { lengthPrefixed, sha256 } from '../crypto/hash.js';
import type { Sealer } from '../crypto/sealer.js';
import { SecretBytes } from '../crypto/secret-bytes.js';
import { base64url } from '../lib/bytes.js';
import type { Clock } from '../lib/clock.js';
import type { AccessStore } from './access-store.js';
import { liveSecrets } from './secrets.js';
import type { SealedTls } from './tenant.js';
import { openTlsKey } from './webhook-tls.js';

/** How the webhooks of a tenant are to be sent now. */
export interface WebhookTerms {
  /**
   * What signs, newest first: one secret, or two while they rotate; each 32 bytes, the HMAC key
   * itself.
   */
  readonly secrets: readonly SecretBytes[];
  readonly httpSignatures: boolean;
  /** Where they may go (`host-list.ts`); empty: anywhere. */
  readonly callbackHosts: readonly string[];
  readonly tls?: WebhookTls;
  /** Wipes the secrets. */
  wipe(): void;
}

/**
 * Reads the terms of a tenant, in one look-up. A tenant that does not exist has no secret and no
 * list. The key of a client certificate is opened only when a connection needs it.
 *
 * Throws SealBroken when the secrets were sealed under another service key.
 */
export async function webhookTermsOf(
  deps: { access: Pick<AccessStore, 'findTenant'>; sealer: Sealer; clock: Clock },
  tenantId: string,
): Promise<WebhookTerms> {
  const tenant = await deps.access.findTenant(tenantId);
  const secrets = liveSecrets(tenant?.webhookSecrets ?? [], deps.clock.nowMs()).map(({ sealed }) =>
    SecretBytes.take(deps.sealer.open(sealed, 'webhook-secret', tenantId)),
  );
  const tls = tenant?.webhookTls && webhookTls(deps.sealer, tenantId, tenant.webhookTls);
  return {
    secrets,
    httpSignatures: tenant?.httpSignatures ?? false,
    callbackHosts: tenant?.callbackHosts ?? [],
    ...(tls && { tls }),
    wipe: () => {
      for (const secret of secrets) secret.wipe();
    },
  };
}

function webhookTls(sealer: Sealer, tenantId: string, stored: SealedTls): WebhookTls {
  const { ca, certificate, sealedKey } = stored;
  const sealed = sealedKey === undefined ? '' : base64url(sealedKey);
  return {
    identity: base64url(sha256(lengthPrefixed(tenantId, ca ?? '', certificate ?? '', sealed))),
    ...(ca !== undefined && { ca }),
    ...(certificate !== undefined && { certificate }),
    ...(sealedKey !== undefined && {
      openKey: () => SecretBytes.take(openTlsKey(sealer, { tenantId, sealedKey })),
    }),
  };
}
