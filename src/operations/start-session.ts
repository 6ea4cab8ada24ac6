import { newStartedDelivery } from '../callbacks/outbox.js';
import type { Session } from '../sessions/session.js';
import type { OperationDeps } from './deps.js';

/** Marks a session in which the person has begun, with the webhook that says so where it is wanted. */
export async function startSession(deps: OperationDeps, session: Session): Promise<void> {
  if (session.state !== 'CREATED') return;
  const delivery = await deps.store.transaction(async (stores) => {
    const isFirst = await stores.sessions.markStarted(session.sessionId);
    if (!isFirst || session.sentEvents === 'last') return undefined;
    const started = newStartedDelivery(deps.daySeals, { session, nowMs: deps.clock.nowMs() });
    await stores.deliveries.insert(started);
    return started;
  });
  if (delivery !== undefined) deps.deliveries.enqueued(delivery);
}
