import type { Sealer } from '../crypto/sealer.js';
import { utf8 } from '../lib/bytes.js';
import { timeOrderedId } from '../lib/ids.js';
import type { Session } from '../sessions/session.js';
import { openCallback } from './callback.js';
import type { Delivery, EventType } from './delivery-store.js';
import { type SessionOutcome, sessionEndedBody, sessionStartedBody } from './event.js';

/**
 * The row that carries the event of an ended session to its callback. It is inserted in the
 * transaction that ends the session, so that neither exists without the other. The body is fixed
 * here: every attempt and every poll gets the same bytes.
 *
 * Throws SealBroken when the session's callback does not open.
 */
export function newDelivery(
  sealer: Sealer,
  event: { outcome: SessionOutcome; nowMs: number; dueAtMs: number; erasureId?: string },
): Delivery {
  const { outcome, nowMs, dueAtMs, erasureId } = event;
  const body = sessionEndedBody(outcome);
  const row = newRow(sealer, { session: outcome.session, body, nowMs, eventType: 'session.ended' });
  return { ...row, ...(erasureId !== undefined && { erasureId }), dueAtMs };
}

/**
 * The same for a session in which the person has begun; to be inserted in the transaction that marks it
 * as started.
 */
export function newStartedDelivery(
  sealer: Sealer,
  event: { session: Session; nowMs: number },
): Delivery {
  const body = sessionStartedBody(event.session);
  return newRow(sealer, { ...event, body, eventType: 'session.started' });
}

function newRow(
  sealer: Sealer,
  event: { session: Session; eventType: EventType; body: object; nowMs: number },
): Delivery {
  const { session, eventType, nowMs } = event;
  const deliveryId = timeOrderedId(nowMs);
  return {
    deliveryId,
    tenantId: session.tenantId,
    sessionId: session.sessionId,
    eventType,
    origin: new URL(openCallback(sealer, session).url).origin,
    sealedCallback: session.sealedCallback,
    sealedBody: sealer.seal(utf8(JSON.stringify(event.body)), 'webhook', deliveryId),
    state: 'pending',
    attempts: 0,
    attemptLog: [],
    createdAtMs: nowMs,
    dueAtMs: nowMs,
  };
}

/** The exact bytes of a delivery's body: UTF-8 JSON. Throws SealBroken when they were changed. */
export function openBody(
  sealer: Sealer,
  delivery: Pick<Delivery, 'deliveryId' | 'sealedBody'>,
): Uint8Array {
  return sealer.open(delivery.sealedBody, 'webhook', delivery.deliveryId);
}
