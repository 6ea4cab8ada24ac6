import type { Sealer } from '../crypto/sealer.js';
import { utf8 } from '../lib/bytes.js';
import { timeOrderedId } from '../lib/ids.js';
import { openCallback } from './callback.js';
import type { Delivery } from './delivery-store.js';
import { type SessionOutcome, sessionEndedBody } from './event.js';

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
  const { session } = event.outcome;
  const deliveryId = timeOrderedId(event.nowMs);
  const body = utf8(JSON.stringify(sessionEndedBody(event.outcome)));
  return {
    deliveryId,
    tenantId: session.tenantId,
    sessionId: session.sessionId,
    ...(event.erasureId !== undefined && { erasureId: event.erasureId }),
    eventType: 'session.ended',
    origin: new URL(openCallback(sealer, session).url).origin,
    sealedCallback: session.sealedCallback,
    sealedBody: sealer.seal(body, 'webhook', deliveryId),
    state: 'pending',
    attempts: 0,
    attemptLog: [],
    createdAtMs: event.nowMs,
    dueAtMs: event.dueAtMs,
  };
}

/** The exact bytes of a delivery's body: UTF-8 JSON. Throws SealBroken when they were changed. */
export function openBody(
  sealer: Sealer,
  delivery: Pick<Delivery, 'deliveryId' | 'sealedBody'>,
): Uint8Array {
  return sealer.open(delivery.sealedBody, 'webhook', delivery.deliveryId);
}
