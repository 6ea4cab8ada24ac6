// Webhooks as the service makes them, and the keys that sign them: of a session that verified a person.
import { randomBytes, randomUUID } from 'node:crypto';
import { sessionEndedBody } from '../dist/callbacks/event.js';
import { SecretBytes } from '../dist/crypto/secret-bytes.js';
import { signingKeyFromSeed } from '../dist/crypto/signing-key.js';
import { timeOrderedId } from '../dist/lib/ids.js';

export const signingKey = signingKeyFromSeed(SecretBytes.take(randomBytes(32)));
const webhookSecret = randomBytes(32);

/** A tenant's secret, as its owner takes it; to be wiped after use. */
export function newSecrets() {
  return [SecretBytes.take(Uint8Array.from(webhookSecret))];
}

/** How that tenant's webhooks are sent; to be wiped after use. */
export function newTerms() {
  const secrets = newSecrets();
  const wipe = () => {
    for (const secret of secrets) secret.wipe();
  };
  return { secrets, httpSignatures: false, callbackHosts: [], wipe };
}

export function newBody(sessionId = randomUUID()) {
  const uuid = randomUUID();
  const session = {
    ...{ sessionId, uuid, spelledType: 'VERIFY', transactionID: 'txn-verify-445566' },
    endedAtMs: Date.now(),
  };
  const identificationResult = { uuid, status: 'verified', confidence: 0.9731 };
  const outcome = { session, status: 'SUCCESS', message: 'Success!', errors: [] };
  const body = sessionEndedBody({ ...outcome, identificationResult });
  return new TextEncoder().encode(JSON.stringify(body));
}

/** So many messages, in turn to each of the origins. */
export function newMessages({ origins, count }) {
  return Array.from({ length: count }, (_, at) => ({
    deliveryId: timeOrderedId(Date.now()),
    url: `${origins[at % origins.length]}/webhooks/lethe?environment=bench`,
    body: newBody(),
  }));
}
