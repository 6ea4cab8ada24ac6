import { Router } from 'express';
import { readReviews } from '../operations/read-reviews.js';
import { recordRefusal } from '../operations/refuse.js';
import { authenticateCaller } from './authenticate-caller.js';
import type { HttpDeps } from './deps.js';
import { onlyMethods } from './methods.js';
import { limitFailures } from './rate-limit.js';
import { sendJson } from './send.js';

const ENTRIES_PATH = '/v2/audit/entries';
const DEFAULT_LIMIT = 50;

/** GET /v2/audit/entries. */
export function reviewRoutes(deps: HttpDeps): Router {
  const router = Router({ caseSensitive: true });
  const limit = limitFailures(deps.settings.authFailureRateLimit, [401, 403]);
  router.get(ENTRIES_PATH, limit, async (request, response) => {
    const principal = await authenticateCaller(deps, request, { mayUseApiKeyOnly: false });
    const given = deps.validator.validate('review.query', { ...request.query });
    const query = { ...given, limit: Number(given.limit ?? DEFAULT_LIMIT) };
    const body = await readReviews(deps.operations, { principal, query }).catch(
      async (error: unknown) => {
        const { tenantId, clientId } = principal;
        await recordRefusal(deps.operations, { op: 'AUTHENTICATE', tenantId, clientId }, error);
        throw error;
      },
    );
    sendJson(response, 200, deps.validator.checkResponse('review.list', body));
  });
  router.all(ENTRIES_PATH, onlyMethods('GET'));
  return router;
}
