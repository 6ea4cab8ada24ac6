import { utf8Text } from '../lib/bytes.js';
import { isoTime } from '../lib/clock.js';
import type { PendingWebhook, RedactedSession, SessionView, Webhook } from '../lib/messages.js';
import { isOpen, type Session } from '../sessions/session.js';
import type { OperationDeps } from './deps.js';
import { webhookBody } from './receipt.js';

/** GET /v2/verification-session/{sessionId} for the integrator. */
export function sessionView(deps: OperationDeps, session: Session): SessionView {
  return {
    sessionId: session.sessionId,
    type: session.spelledType,
    status: session.state,
    redirectURL: session.redirectURL,
    expiresAt: isoTime(session.expiresAtMs),
    publicKey: deps.payloadKey.publicKeyPem,
    ...challengeOf(session),
  };
}

/** The same for whoever holds only the session id: what the launch page needs. */
export async function redactedSession(
  deps: OperationDeps,
  session: Session,
): Promise<RedactedSession> {
  const tenant = await deps.store.access.findTenant(session.tenantId);
  return {
    sessionId: session.sessionId,
    type: session.spelledType,
    status: session.state,
    expiresAt: isoTime(session.expiresAtMs),
    publicKey: deps.payloadKey.publicKeyPem,
    displayName: tenant?.displayName ?? '',
    ...challengeOf(session),
  };
}

/** The final webhook payload on demand, for receivers that missed it. */
export async function webhookPayload(
  deps: OperationDeps,
  session: Session,
): Promise<Webhook | PendingWebhook> {
  const delivery = isOpen(session)
    ? undefined
    : await deps.store.deliveries.findBySession(session.sessionId);
  const body = delivery && (await webhookBody(deps, delivery));
  if (body !== undefined) return JSON.parse(utf8Text(body)) as Webhook;
  return { sessionId: session.sessionId, status: outcomeOf(session) };
}

/** The outcome alone, for whoever holds only the session id. */
export function redactedWebhook(session: Session): PendingWebhook {
  return { sessionId: session.sessionId, status: outcomeOf(session) };
}

function outcomeOf(session: Session): PendingWebhook['status'] {
  if (isOpen(session)) return 'IN_PROGRESS';
  return session.state === 'SUCCESS' ? 'SUCCESS' : 'FAILED';
}

function challengeOf(session: Session): Pick<SessionView, 'challenge'> {
  if (!isOpen(session) || session.type === 'DELETE') return {};
  return { challenge: { nonce: session.nonce, expiresAt: isoTime(session.expiresAtMs) } };
}
