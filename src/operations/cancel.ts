import type { Principal } from '../access/authenticate.js';
import { ServiceError } from '../errors/service-error.js';
import type { CancelResponse } from '../lib/messages.js';
import { isOpen, type Session } from '../sessions/session.js';
import type { Answer, Remember } from './answer.js';
import type { OperationDeps } from './deps.js';
import { endSession } from './end-session.js';
import { findCurrentSession } from './expire.js';

/** The integrator ends a session that is still open. Throws SESSION_NOT_FOUND, SESSION_EXPIRED or SESSION_ENDED. */
export async function cancelSession(
  deps: OperationDeps,
  request: { principal: Principal; sessionId: string; remember: Remember },
): Promise<Answer> {
  const session = await requireOwnSession(deps, request);
  if (session.state === 'EXPIRED') throw new ServiceError('SESSION_EXPIRED');
  if (!isOpen(session) || session.type === 'DELETE') throw new ServiceError('SESSION_ENDED');
  const body: CancelResponse = {
    message: 'Session canceled',
    status: 'success',
    sessionId: session.sessionId,
  };
  const answer: Answer = { status: 200, body };
  const delivery = await deps.store.transaction(async (stores) => {
    const ended = await endSession(deps, stores, {
      session,
      ending: { state: 'CANCELED', op: 'CANCEL', message: 'Session canceled', errors: [] },
    });
    if (ended === undefined) throw new ServiceError('SESSION_ENDED');
    await request.remember(stores, answer);
    return ended;
  });
  const { type, tenantId, sessionId } = session;
  deps.watch.sessionEnded({ type, state: 'CANCELED', tenantId, sessionId });
  deps.deliveries.enqueued(delivery);
  return answer;
}

/** A session of the caller's tenant, its expiry enforced; another tenant's does not exist for it. */
export async function requireOwnSession(
  deps: OperationDeps,
  request: { principal: Principal; sessionId: string },
): Promise<Session> {
  const session = await findCurrentSession(deps, request.sessionId);
  if (session?.tenantId !== request.principal.tenantId) throw new ServiceError('SESSION_NOT_FOUND');
  return session;
}
