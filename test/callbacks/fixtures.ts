import type { WebhookTerms } from '../../src/access/webhook-terms.js';
import { sealCallback } from '../../src/callbacks/callback.js';
import type { DaySealer } from '../../src/callbacks/day-sealer.js';
import type { SessionOutcome } from '../../src/callbacks/event.js';
import { createSealer } from '../../src/crypto/sealer.js';
import { SecretBytes } from '../../src/crypto/secret-bytes.js';
import { type SigningKey, signingKeyFromSeed } from '../../src/crypto/signing-key.js';
import type { Session } from '../../src/sessions/session.js';

export const SESSION_ID = '6f1f4a34-5b0c-4f8e-9a55-0d6c1f1f2a10';

/** Of days that do not end: one key for all. */
export function testSealer(): DaySealer {
  const sealer = createSealer(SecretBytes.random(32));
  return {
    seal: (_atMs, { kind, id }, plaintext) => sealer.seal(plaintext, kind, id),
    open: async (sealed, { kind, id }) => sealer.open(sealed, kind, id),
  };
}

export function testSigningKey(seedByte = 7): SigningKey {
  return signingKeyFromSeed(SecretBytes.take(Buffer.alloc(32, seedByte)));
}

/** The terms of a tenant that asks for nothing special. */
export function testTerms(changes: Partial<WebhookTerms> = {}): WebhookTerms {
  return {
    secrets: [],
    httpSignatures: false,
    callbackHosts: [],
    wipe: () => undefined,
    ...changes,
  };
}

/** A session that ended; `url` is where its webhook goes. */
export function endedSession(
  changes: Partial<Session> & {
    sealer?: DaySealer;
    url?: string;
    headers?: Record<string, string>;
  } = {},
): Session {
  const { sealer, url = 'https://hooks.example/', headers = {}, ...given } = changes;
  const sessionId = given.sessionId ?? SESSION_ID;
  return {
    sessionId,
    tenantId: 'acme',
    clientId: 'acme-1',
    type: 'VERIFY',
    spelledType: 'VERIFY',
    state: 'SUCCESS',
    uuid: 'person-1',
    redirectURL: 'https://app.example/done',
    sentEvents: 'last',
    callbackOrigin: new URL(url).origin,
    sealedCallback:
      sealer === undefined
        ? new Uint8Array(0)
        : sealCallback(sealer, {
            sessionId,
            callback: { url, headers },
            atMs: 1_700_000_000_000,
          }),
    nonce: 'bm9uY2U',
    createdAtMs: 1_700_000_000_000,
    expiresAtMs: 1_700_000_600_000,
    endedAtMs: 1_700_000_030_000,
    ...given,
  };
}

export function verifiedOutcome(session: Session): SessionOutcome {
  return {
    session,
    status: 'SUCCESS',
    message: 'Success!',
    errors: [],
    identificationResult: { uuid: 'person-1', status: 'verified', confidence: 0.97 },
  };
}
