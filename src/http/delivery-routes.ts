import { type Request, type RequestHandler, Router } from 'express';
import type { Principal } from '../access/authenticate.js';
import { requireScope } from '../access/require-scope.js';
import type { Answer, Remember } from '../operations/answer.js';
import { enableDestination, listDestinations } from '../operations/destinations.js';
import { runOnce } from '../operations/idempotent.js';
import { listDeliveries, readDelivery } from '../operations/read-deliveries.js';
import { recordRefusal } from '../operations/refuse.js';
import { replayDeliveries, replayDelivery } from '../operations/replay-deliveries.js';
import { sendTestWebhook } from '../operations/send-test-webhook.js';
import { authenticateCaller } from './authenticate-caller.js';
import type { HttpDeps } from './deps.js';
import { jsonBodyOf, readJsonBody } from './json-body.js';
import type { Messages } from './message-types.js';
import { onlyMethods } from './methods.js';
import { limitFailures } from './rate-limit.js';
import { idempotencyKeyOf } from './request-headers.js';
import { sendAnswer, sendJson } from './send.js';

const DELIVERIES_PATH = '/v2/deliveries';
const DESTINATIONS_PATH = '/v2/destinations';
const READ_PATHS = [DELIVERIES_PATH, `${DELIVERIES_PATH}/:deliveryId`, DESTINATIONS_PATH];
const RANGE_PATH = `${DELIVERIES_PATH}/replay`;
const TEST_PATH = `${DELIVERIES_PATH}/test`;
const REPLAY_PATH = `${DELIVERIES_PATH}/:deliveryId/replay`;
const ENABLE_PATH = `${DESTINATIONS_PATH}/enable`;
const BODY_PATHS = [RANGE_PATH, TEST_PATH, ENABLE_PATH];
const WRITE_PATHS = [...BODY_PATHS, REPLAY_PATH];

const NO_BODY = { bytes: new Uint8Array(0), value: null };

/** What became of webhooks, and what can be done about it. */
export function deliveryRoutes(deps: HttpDeps): Router {
  const { operations, validator } = deps;
  const router = Router({ caseSensitive: true });
  const limit = limitFailures(deps.settings.authFailureRateLimit, [401, 403, 404]);

  router.post(WRITE_PATHS, limit);
  router.post(BODY_PATHS, readJsonBody());
  router.post(
    RANGE_PATH,
    act(
      deps,
      { schema: 'replay.response', hasBody: true },
      async ({ principal, request, remember }) => {
        const range = validator.validate('replay.request', jsonBodyOf(request).value);
        return await replayDeliveries(operations, { principal, range, remember });
      },
    ),
  );
  router.post(
    TEST_PATH,
    act(deps, { schema: 'delivery', hasBody: true }, async ({ principal, request, remember }) => {
      const body = validator.validate('test-webhook.request', jsonBodyOf(request).value);
      return await sendTestWebhook(operations, { principal, body, remember });
    }),
  );
  router.post(
    REPLAY_PATH,
    act(deps, { schema: 'delivery', hasBody: false }, async ({ principal, request, remember }) => {
      const deliveryId = String(request.params['deliveryId']);
      return await replayDelivery(operations, { principal, deliveryId, remember });
    }),
  );
  router.post(
    ENABLE_PATH,
    act(
      deps,
      { schema: 'enable.response', hasBody: true },
      async ({ principal, request, remember }) => {
        const { origin } = validator.validate('enable.request', jsonBodyOf(request).value);
        return await enableDestination(operations, { principal, origin, remember });
      },
    ),
  );
  router.all(WRITE_PATHS, onlyMethods('POST'));

  router.get(READ_PATHS, limit);
  router.get(
    DELIVERIES_PATH,
    look(deps, 'delivery.list', async (principal, request) => {
      const query = validator.validate('delivery.query', { ...request.query });
      return await listDeliveries(operations, { principal, query });
    }),
  );
  router.get(
    `${DELIVERIES_PATH}/:deliveryId`,
    look(deps, 'delivery', async (principal, request) => {
      const deliveryId = String(request.params['deliveryId']);
      return await readDelivery(operations, { principal, deliveryId });
    }),
  );
  router.get(
    DESTINATIONS_PATH,
    look(deps, 'destination.list', async (principal) => {
      return await listDestinations(operations, { principal });
    }),
  );
  router.all(READ_PATHS, onlyMethods('GET'));
  return router;
}

/** A request that changes nothing. */
function look<Name extends keyof Messages>(
  deps: HttpDeps,
  schema: Name,
  work: (principal: Principal, request: Request) => Promise<Messages[Name]>,
): RequestHandler {
  return async (request, response) => {
    const principal = await authenticateCaller(deps, request, { mayUseApiKeyOnly: false });
    const body = await recording(deps, principal, () => work(principal, request));
    sendJson(response, 200, deps.validator.checkResponse(schema, body) as object);
  };
}

interface Act {
  readonly principal: Principal;
  readonly request: Request;
  readonly remember: Remember;
}

/** A request that acts, once for each Idempotency-Key. */
function act(
  deps: HttpDeps,
  { schema, hasBody }: { schema: keyof Messages; hasBody: boolean },
  work: (of: Act) => Promise<Answer>,
): RequestHandler {
  return async (request, response) => {
    const { bytes, value } = hasBody ? jsonBodyOf(request) : NO_BODY;
    const principal = await authenticateCaller(deps, request, {
      body: bytes,
      mayUseApiKeyOnly: false,
    });
    const keyed = {
      key: idempotencyKeyOf(request),
      scope: `${principal.clientId} ${request.path}`,
      content: value,
    };
    const answer = await recording(deps, principal, async () => {
      // An answer that is remembered is for those alone who may still ask.
      requireScope(principal, 'deliveries:write');
      return await runOnce(deps.operations, keyed, (remember) =>
        work({ principal, request, remember }),
      );
    });
    deps.validator.checkResponse(schema, answer.body);
    sendAnswer(response, answer);
  };
}

/** What is refused goes into the log. */
async function recording<T>(
  deps: HttpDeps,
  { tenantId, clientId }: Principal,
  work: () => Promise<T>,
): Promise<T> {
  try {
    return await work();
  } catch (error) {
    await recordRefusal(deps.operations, { op: 'WEBHOOK', tenantId, clientId }, error);
    throw error;
  }
}
