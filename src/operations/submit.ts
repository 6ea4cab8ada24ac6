import { parseEmbedding } from '../biometrics/embedding.js';
import type { Probe } from '../biometrics/matcher.js';
import { equalTexts } from '../crypto/compare.js';
import { ServiceError } from '../errors/service-error.js';
import type { TemplateRequest, TemplateResponse } from '../lib/messages.js';
import { isOpen, type OperationType, type Session } from '../sessions/session.js';
import type { Answer, Remember } from './answer.js';
import type { OperationDeps } from './deps.js';
import { type Ending, endSession } from './end-session.js';
import { findCurrentSession } from './expire.js';
import type { Stores } from './unit-of-work.js';

/** A template that a browser or app sends into its session. */
export interface Submission {
  readonly session: Session;
  readonly probe: Probe;
  readonly remember: Remember;
}

/**
 * The open session that an in-session call belongs to. Throws SESSION_NOT_FOUND, SESSION_EXPIRED,
 * SESSION_ENDED or WRONG_SESSION_TYPE.
 */
export async function requireOpenSession(
  deps: OperationDeps,
  { sessionId, types }: { sessionId: string; types?: readonly OperationType[] },
): Promise<Session> {
  const session = await findCurrentSession(deps, sessionId);
  if (session === undefined) throw new ServiceError('SESSION_NOT_FOUND');
  if (session.state === 'EXPIRED') throw new ServiceError('SESSION_EXPIRED');
  if (!isOpen(session) || session.type === 'DELETE') throw new ServiceError('SESSION_ENDED');
  if (types !== undefined && !types.includes(session.type))
    throw new ServiceError('WRONG_SESSION_TYPE');
  return session;
}

/**
 * Checks a template against its session: the nonce is the session's challenge, the model is known,
 * the embedding is a vector of its dimension. Nothing is used up when a check fails.
 */
export function readProbe(deps: OperationDeps, session: Session, template: TemplateRequest): Probe {
  if (!equalTexts(template.nonce, session.nonce)) throw new ServiceError('CHALLENGE_FAILED');
  const model = Object.hasOwn(deps.models, template.model)
    ? deps.models[template.model]
    : undefined;
  if (model === undefined) throw new ServiceError('UNKNOWN_MODEL');
  return { model: template.model, embedding: parseEmbedding(template.embedding, model.dimension) };
}

/**
 * Ends the session of a submission, with whatever else takes effect together with it. Throws
 * SESSION_ENDED when another submission was first: the session, and with it the nonce, is used once.
 */
export async function finishSubmission(
  deps: OperationDeps,
  submission: Submission,
  finish: { ending: Ending; effect?: (stores: Stores) => Promise<void> },
): Promise<Answer> {
  const { session } = submission;
  const isSuccess = finish.ending.state === 'SUCCESS';
  const body: TemplateResponse = {
    success: isSuccess,
    status: isSuccess ? 'SUCCESS' : 'FAILED',
    type: session.spelledType,
    sessionId: session.sessionId,
    statusCode: 200,
    tryAgain: false,
  };
  const answer: Answer = { status: 200, body };
  const delivery = await deps.store.transaction(async (stores) => {
    await finish.effect?.(stores);
    const ended = await endSession(deps, stores, { session, ending: finish.ending });
    if (ended === undefined) throw new ServiceError('SESSION_ENDED');
    await submission.remember(stores, answer);
    return ended;
  });
  const { type, tenantId, sessionId } = session;
  deps.watch.sessionEnded({ type, state: finish.ending.state, tenantId, sessionId });
  deps.deliveries.enqueued(delivery);
  return answer;
}
