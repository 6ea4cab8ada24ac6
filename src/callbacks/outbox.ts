import { utf8 } from '../lib/bytes.js';
import { randomId, timeOrderedId } from '../lib/ids.js';
import type { Session } from '../sessions/session.js';
import { type Callback, sealCallback } from './callback.js';
import type { DaySealer } from './day-sealer.js';
import type { Delivery, EventType } from './delivery-store.js';
import { type SessionOutcome, sessionEndedBody, sessionStartedBody, testBody } from './event.js';

/**
 * The row that carries the event of an ended session to its callback. It is inserted in the
 * transaction that ends the session, so that neither exists without the other. The body is fixed
 * here: every attempt and every poll gets the same bytes. It is sealed in the day of the event, and the
 * callback stays in the day of the session: nothing has to be opened here. Throws UNAVAILABLE when there
 * is no key to seal under.
 */
export function newDelivery(
  daySealer: DaySealer,
  event: { outcome: SessionOutcome; nowMs: number; dueAtMs: number; erasureId?: string },
): Delivery {
  const { outcome, nowMs, dueAtMs, erasureId } = event;
  const body = sessionEndedBody(outcome);
  const row = newRow(daySealer, {
    session: outcome.session,
    body,
    nowMs,
    eventType: 'session.ended',
  });
  return { ...row, ...(erasureId !== undefined && { erasureId }), dueAtMs };
}

/**
 * The same for a session in which the person has begun; to be inserted in the transaction that marks it
 * as started.
 */
export function newStartedDelivery(
  daySealer: DaySealer,
  event: { session: Session; nowMs: number },
): Delivery {
  const body = sessionStartedBody(event.session);
  return newRow(daySealer, { ...event, body, eventType: 'session.started' });
}

/** An event that tries a receiver, under a session id that names none. Throws UNAVAILABLE as the others. */
export function newTestDelivery(
  daySealer: DaySealer,
  event: { tenantId: string; callback: Callback; nowMs: number },
): Delivery {
  const { tenantId, callback, nowMs } = event;
  const sessionId = randomId();
  return newRow(daySealer, {
    session: {
      sessionId,
      tenantId,
      callbackOrigin: new URL(callback.url).origin,
      sealedCallback: sealCallback(daySealer, { sessionId, callback, atMs: nowMs }),
    },
    body: testBody(sessionId),
    nowMs,
    eventType: 'webhook.test',
  });
}

type Sender = Pick<Session, 'sessionId' | 'tenantId' | 'callbackOrigin' | 'sealedCallback'>;

function newRow(
  daySealer: DaySealer,
  event: { session: Sender; eventType: EventType; body: object; nowMs: number },
): Delivery {
  const { session, eventType, nowMs } = event;
  const deliveryId = timeOrderedId(nowMs);
  const context = { kind: 'webhook', id: deliveryId } as const;
  return {
    deliveryId,
    tenantId: session.tenantId,
    sessionId: session.sessionId,
    eventType,
    origin: session.callbackOrigin,
    sealedCallback: session.sealedCallback,
    sealedBody: daySealer.seal(nowMs, context, utf8(JSON.stringify(event.body))),
    state: 'pending',
    attempts: 0,
    attemptLog: [],
    createdAtMs: nowMs,
    dueAtMs: nowMs,
  };
}

/**
 * The exact bytes of a delivery's body: UTF-8 JSON; undefined when the key of its day is gone. Throws
 * SealBroken when they were changed, UNAVAILABLE when the vault cannot be asked.
 */
export async function openBody(
  daySealer: DaySealer,
  delivery: Pick<Delivery, 'deliveryId' | 'sealedBody'>,
): Promise<Uint8Array | undefined> {
  const context = { kind: 'webhook', id: delivery.deliveryId } as const;
  return await daySealer.open(delivery.sealedBody, context);
}
