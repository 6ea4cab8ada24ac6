import { Router } from 'express';
import { readReceipt } from '../operations/receipt.js';
import { authenticateCaller } from './authenticate-caller.js';
import type { HttpDeps } from './deps.js';
import { onlyMethods } from './methods.js';
import { limitFailures } from './rate-limit.js';
import { sendJson } from './send.js';

const RECEIPT_PATH = '/v2/erasures/:erasureId/receipt';

/** GET /v2/erasures/{erasureId}/receipt. */
export function erasureRoutes(deps: HttpDeps): Router {
  const router = Router({ caseSensitive: true });
  const limit = limitFailures(deps.settings.authFailureRateLimit, [401, 404]);
  router.get(RECEIPT_PATH, limit, async (request, response) => {
    const erasureId = String(request.params['erasureId']);
    const principal = await authenticateCaller(deps, request, { mayUseApiKeyOnly: false });
    const body = await readReceipt(deps.operations, { principal, erasureId });
    sendJson(response, 200, deps.validator.checkResponse('receipt.response', body));
  });
  router.all(RECEIPT_PATH, onlyMethods('GET'));
  return router;
}
