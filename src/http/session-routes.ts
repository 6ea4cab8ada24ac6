import { type Request, type RequestHandler, Router } from 'express';
import { ServiceError } from '../errors/service-error.js';
import { cancelSession, requireOwnSession } from '../operations/cancel.js';
import { findCurrentSession } from '../operations/expire.js';
import { runOnce } from '../operations/idempotent.js';
import {
  redactedSession,
  redactedWebhook,
  sessionView,
  webhookPayload,
} from '../operations/read-session.js';
import { recordRefusal } from '../operations/refuse.js';
import type { Session } from '../sessions/session.js';
import { authenticateCaller } from './authenticate-caller.js';
import { presentedBy } from './authenticate-request.js';
import { allowAnyOrigin } from './cors.js';
import { SESSIONS_PATH } from './create-session.js';
import type { HttpDeps } from './deps.js';
import { onlyMethods } from './methods.js';
import { limitFailures } from './rate-limit.js';
import { idempotencyKeyOf } from './request-headers.js';
import { sendAnswer, sendJson } from './send.js';

const SESSION_PATH = `${SESSIONS_PATH}/:sessionId`;
const WEBHOOK_PATHS = [`${SESSION_PATH}/webhook`, `${SESSION_PATH}/webhook-payload`];

/** Who may read: the integrator everything, who holds only the unguessable id what the page needs. */
interface Reader {
  readonly session: Session;
  readonly isOwner: boolean;
}

/** GET /v2/verification-session/{sessionId}, …/webhook, …/webhook-payload and POST …/cancel. */
export function sessionRoutes(deps: HttpDeps): Router {
  const router = Router({ caseSensitive: true });
  const limit = limitFailures(deps.settings.authFailureRateLimit, [401, 404]);
  router.all([SESSION_PATH, ...WEBHOOK_PATHS], allowAnyOrigin(['GET']));
  router.get(SESSION_PATH, limit, showSession(deps));
  router.get(WEBHOOK_PATHS, limit, showWebhook(deps));
  router.post(`${SESSION_PATH}/cancel`, limit, cancel(deps));
  router.all([SESSION_PATH, ...WEBHOOK_PATHS], onlyMethods('GET'));
  router.all(`${SESSION_PATH}/cancel`, onlyMethods('POST'));
  return router;
}

function showSession(deps: HttpDeps): RequestHandler {
  return async (request, response) => {
    const { session, isOwner } = await findReadable(deps, request);
    const body = isOwner
      ? deps.validator.checkResponse('session', sessionView(deps.operations, session))
      : deps.validator.checkResponse(
          'session.redacted',
          await redactedSession(deps.operations, session),
        );
    sendJson(response, 200, body);
  };
}

function showWebhook(deps: HttpDeps): RequestHandler {
  return async (request, response) => {
    const { session, isOwner } = await findReadable(deps, request);
    sendJson(
      response,
      200,
      isOwner ? await webhookPayload(deps.operations, session) : redactedWebhook(session),
    );
  };
}

function cancel(deps: HttpDeps): RequestHandler<{ sessionId: string }> {
  return async (request, response) => {
    const { sessionId } = request.params;
    const principal = await authenticateCaller(deps, request, { mayUseApiKeyOnly: true });
    const keyed = {
      key: idempotencyKeyOf(request),
      scope: `${principal.clientId} ${request.path}`,
      content: null,
    };
    try {
      const answer = await runOnce(deps.operations, keyed, async (remember) => {
        return await cancelSession(deps.operations, { principal, sessionId, remember });
      });
      deps.validator.checkResponse('cancel.response', answer.body as never);
      sendAnswer(response, answer);
    } catch (error) {
      const { tenantId, clientId } = principal;
      await recordRefusal(deps.operations, { op: 'CANCEL', tenantId, clientId }, error);
      throw error;
    }
  };
}

async function findReadable(deps: HttpDeps, request: Request): Promise<Reader> {
  const sessionId = String(request.params['sessionId']);
  if (presentedBy(request) !== undefined) {
    const principal = await authenticateCaller(deps, request, { mayUseApiKeyOnly: true });
    return {
      session: await requireOwnSession(deps.operations, { principal, sessionId }),
      isOwner: true,
    };
  }
  const session = await findCurrentSession(deps.operations, sessionId);
  if (session === undefined) throw new ServiceError('SESSION_NOT_FOUND');
  return { session, isOwner: false };
}
