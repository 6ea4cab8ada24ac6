import { isOpen, type Session } from '../sessions/session.js';
import { endAbandonedDelete } from './complete-erasure.js';
import type { OperationDeps } from './deps.js';
import { endSession } from './end-session.js';

const BATCH_SIZE = 100;

/** Ends a session whose time is over, with the webhook that says so. */
async function expireSession(deps: OperationDeps, session: Session): Promise<void> {
  const delivery = await deps.store.transaction(
    async (stores) =>
      await endSession(deps, stores, {
        session,
        ending: {
          state: 'EXPIRED',
          op: 'EXPIRE',
          code: 'SESSION_EXPIRED',
          message: 'Session expired',
          errors: [{ code: -8, message: 'SESSION_EXPIRED' }],
        },
      }),
  );
  if (delivery === undefined) return;
  deps.watch.sessionEnded({
    type: session.type,
    state: 'EXPIRED',
    tenantId: session.tenantId,
    sessionId: session.sessionId,
  });
  deps.deliveries.enqueued(delivery);
}

/** Finds a session and enforces its expiry; undefined when there is none. */
export async function findCurrentSession(
  deps: OperationDeps,
  sessionId: string,
): Promise<Session | undefined> {
  const session = await deps.store.sessions.find(sessionId);
  if (session === undefined || !isOpen(session) || session.expiresAtMs > deps.clock.nowMs())
    return session;
  // A DELETE that was begun is finished, however long it takes.
  if (session.type === 'DELETE') return session;
  await expireSession(deps, session);
  return await deps.store.sessions.find(sessionId);
}

/** Expires everything that is due; the sweeper's share of the work. */
export async function expireDueSessions(deps: OperationDeps): Promise<void> {
  const due = await deps.store.sessions.findExpired(deps.clock.nowMs(), BATCH_SIZE);
  for (const session of due) {
    if (session.type === 'DELETE') await endAbandonedDelete(deps, session);
    else await expireSession(deps, session);
  }
}
