import { type RequestHandler, Router } from 'express';
import { runOnce } from '../operations/idempotent.js';
import { redeemResult } from '../operations/redeem-result.js';
import { authenticateCaller } from './authenticate-caller.js';
import { SESSIONS_PATH } from './create-session.js';
import type { HttpDeps } from './deps.js';
import { jsonBodyOf, readJsonBody } from './json-body.js';
import { onlyMethods } from './methods.js';
import { limitFailures } from './rate-limit.js';
import { idempotencyKeyOf } from './request-headers.js';
import { sendAnswer } from './send.js';

const RESULT_PATH = `${SESSIONS_PATH}/:sessionId/result`;

/** POST /v2/verification-session/{sessionId}/result. */
export function resultRoutes(deps: HttpDeps): Router {
  const router = Router({ caseSensitive: true });
  // A wrong result is not counted: browsers bring them to the integrator, whose address this would be.
  const limit = limitFailures(deps.settings.authFailureRateLimit, [401, 404]);
  router.post(RESULT_PATH, limit, readJsonBody(), redeem(deps));
  router.all(RESULT_PATH, onlyMethods('POST'));
  return router;
}

function redeem(deps: HttpDeps): RequestHandler<{ sessionId: string }> {
  const { operations, signingKey, validator } = deps;
  return async (request, response) => {
    const { bytes, value } = jsonBodyOf(request);
    const { sessionId } = request.params;
    const presented = validator.validate('result.request', value);
    const principal = await authenticateCaller(deps, request, {
      body: bytes,
      mayUseApiKeyOnly: true,
    });
    const keyed = {
      key: idempotencyKeyOf(request),
      scope: `${principal.clientId} ${request.path}`,
      content: value,
    };
    const answer = await runOnce(operations, keyed, async (remember) => {
      const redemption = { principal, sessionId, presented, remember };
      return await redeemResult({ ...operations, signingKey }, redemption);
    });
    validator.checkResponse('result.response', answer.body as never);
    sendAnswer(response, answer);
  };
}
