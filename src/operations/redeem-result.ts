import type { Principal } from '../access/authenticate.js';
import { type ResultDeps, verifyResult } from '../callbacks/result.js';
import { ServiceError } from '../errors/service-error.js';
import { isoTime, MINUTE_MS } from '../lib/clock.js';
import type { ResultRequest, ResultResponse } from '../lib/messages.js';
import type { EndState, Session } from '../sessions/session.js';
import type { Answer, Remember } from './answer.js';
import { requireOwnSession } from './cancel.js';
import type { OperationDeps } from './deps.js';

/** A used result is remembered for longer than any process may still take it for fresh. */
const REMEMBERED_MS = MINUTE_MS;

/**
 * POST /v2/verification-session/{sessionId}/result: checks the `result` that a browser brought back and
 * uses it up, so that of all who present it one is answered. Whatever is refused uses up nothing.
 * Throws SESSION_NOT_FOUND, RESULT_INVALID, RESULT_EXPIRED or RESULT_USED.
 */
export async function redeemResult(
  deps: OperationDeps & ResultDeps,
  request: {
    principal: Principal;
    sessionId: string;
    presented: ResultRequest;
    remember: Remember;
  },
): Promise<Answer> {
  const { presented, remember } = request;
  const session = await requireOwnSession(deps, request);
  const nowMs = deps.clock.nowMs();
  const result = verifyResult(deps, { session, jws: presented.result, nowMs });
  const { resultId, status, origin, issuedAtMs, expiresAtMs } = result;
  requireSame(presented.nonce, session.nonce);
  requireSame(presented.origin, origin);
  const answer = { status: 200, body: answerBody(session, { status, origin, issuedAtMs }) };
  const use = {
    // No id of a client: what clients use up is kept apart from this.
    clientId: `result of ${session.sessionId}`,
    tokenId: resultId,
    expiresAtMs: expiresAtMs + REMEMBERED_MS,
  };
  await deps.store.transaction(async (stores) => {
    if (!(await stores.access.useToken(use))) throw new ServiceError('RESULT_USED');
    await remember(stores, answer);
  });
  return answer;
}

/** What the caller knows already has to be what the result says. */
function requireSame(known: string | undefined, said: string): void {
  if (known !== undefined && known !== said)
    throw new ServiceError('RESULT_INVALID', { detail: 'the caller expected another one' });
}

function answerBody(
  session: Session,
  result: { status: ResultResponse['status']; origin: string; issuedAtMs: number },
): ResultResponse {
  return {
    sessionId: session.sessionId,
    status: result.status,
    type: session.spelledType,
    reason: session.state.toLowerCase() as Lowercase<EndState>,
    nonce: session.nonce,
    origin: result.origin,
    issuedAt: isoTime(result.issuedAtMs),
  };
}
