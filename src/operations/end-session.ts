import type { AuditOperation } from '../audit/leaf.js';
import { newEntry } from '../audit/reviews/record.js';
import type { Delivery } from '../callbacks/delivery-store.js';
import type { SessionOutcome } from '../callbacks/event.js';
import { newDelivery } from '../callbacks/outbox.js';
import type { ErrorCode } from '../errors/codes.js';
import type { EndState, Session } from '../sessions/session.js';
import type { OperationDeps } from './deps.js';
import type { Stores } from './unit-of-work.js';

/** How a session ends and what its webhook says. */
export interface Ending
  extends Pick<SessionOutcome, 'message' | 'errors' | 'identificationResult'> {
  readonly state: EndState;
  /** The subject that the operation found or created; null forgets the one the session was about. */
  readonly uuid?: string | null;
  /** What the audit log calls it; the type of the session unless something else ended it. */
  readonly op?: AuditOperation;
  readonly code?: ErrorCode;
  /** The webhook waits this long, or until it is expedited. */
  readonly webhookDelayMs?: number;
}

/**
 * Ends a session once: state, webhook and audit entry in the caller's transaction. Returns its
 * delivery, or undefined when the session had already ended.
 */
export async function endSession(
  deps: OperationDeps,
  stores: Stores,
  { session, ending }: { session: Session; ending: Ending },
): Promise<Delivery | undefined> {
  const endedAtMs = deps.clock.nowMs();
  const ended = await stores.sessions.end(session.sessionId, {
    state: ending.state,
    endedAtMs,
    ...(ending.uuid !== undefined && { uuid: ending.uuid }),
  });
  if (ended === undefined) return undefined;
  const { message, errors, identificationResult } = ending;
  const uuid = ended.uuid ?? identificationResult?.uuid;
  const delivery = newDelivery(deps.daySeals, {
    outcome: {
      // A DELETE session stores no uuid; its webhook names the subject as every other does.
      session: { ...ended, ...(uuid !== undefined && { uuid }) },
      status: ending.state === 'SUCCESS' ? 'SUCCESS' : 'FAILED',
      message,
      errors,
      ...(identificationResult && { identificationResult }),
    },
    nowMs: endedAtMs,
    dueAtMs: await dueTime(stores, ended, endedAtMs + (ending.webhookDelayMs ?? 0)),
    ...(session.erasureId !== undefined && { erasureId: session.erasureId }),
  });
  await stores.deliveries.insert(delivery);
  await stores.audit.append(
    newEntry(deps, {
      op: ending.op ?? session.type,
      outcome: ending.state === 'SUCCESS' ? 'succeeded' : 'failed',
      tenantId: session.tenantId,
      clientId: session.clientId,
      sessionId: session.sessionId,
      erasureId: session.erasureId,
      code: ending.code,
    }),
  );
  return delivery;
}

/** An event that is being sent now must arrive before the last one does. */
async function dueTime(stores: Stores, ended: Session, earliestMs: number): Promise<number> {
  const { sessionId, sentEvents, endedAtMs: nowMs = earliestMs } = ended;
  if (sentEvents === 'last') return earliestMs;
  const busyUntilMs = await stores.deliveries.supersede({ sessionId, nowMs });
  return Math.max(earliestMs, busyUntilMs ?? earliestMs);
}
