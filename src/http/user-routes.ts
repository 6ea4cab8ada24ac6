import { Router } from 'express';
import { biometricStatus } from '../operations/biometric-status.js';
import { authenticateCaller } from './authenticate-caller.js';
import type { HttpDeps } from './deps.js';
import { onlyMethods } from './methods.js';
import { limitFailures } from './rate-limit.js';
import { sendJson } from './send.js';

const STATUS_PATH = '/v2/users/:uuid/biometric-status';

/** GET /v2/users/{uuid}/biometric-status. */
export function userRoutes(deps: HttpDeps): Router {
  const router = Router({ caseSensitive: true });
  const limit = limitFailures(deps.settings.authFailureRateLimit, [401]);
  router.get(STATUS_PATH, limit, async (request, response) => {
    const principal = await authenticateCaller(deps, request, { mayUseApiKeyOnly: false });
    const { uuid } = deps.validator.validate('user.query', { uuid: request.params['uuid'] });
    const body = await biometricStatus(deps.operations, { principal, uuid });
    sendJson(response, 200, deps.validator.checkResponse('biometric-status', body));
  });
  router.all(STATUS_PATH, onlyMethods('GET'));
  return router;
}
