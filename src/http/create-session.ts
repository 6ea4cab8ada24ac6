import { type ErrorRequestHandler, type Request, type RequestHandler, Router } from 'express';
import type { Principal } from '../access/authenticate.js';
import { ERRORS } from '../errors/codes.js';
import { ServiceError } from '../errors/service-error.js';
import type { DeviceInfo, SessionRequest } from '../lib/messages.js';
import { runOnce } from '../operations/idempotent.js';
import type { CreateRequest } from '../operations/open-session.js';
import { withReceipt } from '../operations/receipt.js';
import { recordRefusal } from '../operations/refuse.js';
import { OPERATIONS, type Operation } from '../operations/table.js';
import { type CanonicalBody, canonicalBody } from './aliases.js';
import { authenticateRequest } from './authenticate-request.js';
import type { HttpDeps } from './deps.js';
import { jsonBodyOf, readJsonBody } from './json-body.js';
import { onlyMethods } from './methods.js';
import { limitBySubject, limitFailures } from './rate-limit.js';
import { deviceInfoOf, idempotencyKeyOf } from './request-headers.js';
import { sendAnswer } from './send.js';

export const SESSIONS_PATH = '/v2/verification-session';

/** What the stages of one request find out, in order. */
interface Stages {
  readonly canonical: CanonicalBody;
  readonly operation: Operation;
  body?: SessionRequest & { uuid?: string };
  principal?: Principal;
  deviceInfo?: DeviceInfo | undefined;
}

/** POST /v2/verification-session: the stages that every operation passes, top to bottom. */
export function createSessionRoutes(deps: HttpDeps): Router {
  const stages = new WeakMap<Request, Stages>();
  const router = Router({ caseSensitive: true });
  router.post(
    SESSIONS_PATH,
    limitFailures(deps.settings.authFailureRateLimit, [401]),
    readJsonBody(),
    findOperation(stages),
    validateBody(deps, stages),
    authenticateClient(deps, stages),
    limitBySubject(deps.settings.deleteRateLimit, (request) => limitKey(stages.get(request))),
    perform(deps, stages),
    recordRefusals(deps, stages),
  );
  router.all(SESSIONS_PATH, onlyMethods('POST'));
  return router;
}

function findOperation(stages: WeakMap<Request, Stages>): RequestHandler {
  return (request, _response, next) => {
    const canonical = canonicalBody(jsonBodyOf(request).value);
    stages.set(request, { canonical, operation: OPERATIONS[canonical.type] });
    next();
  };
}

function validateBody(deps: HttpDeps, stages: WeakMap<Request, Stages>): RequestHandler {
  return (request, _response, next) => {
    const stage = stageOf(stages, request);
    const { canonical, operation } = stage;
    stage.body = deps.validator.validate(
      operation.requestSchema,
      canonical.body,
      canonical.spelling,
    );
    stage.deviceInfo = stage.body.deviceInfo ?? deviceInfoOf(deps.validator, request);
    next();
  };
}

function authenticateClient(deps: HttpDeps, stages: WeakMap<Request, Stages>): RequestHandler {
  return async (request, _response, next) => {
    const stage = stageOf(stages, request);
    const { mayUseApiKeyOnly } = stage.operation;
    stage.principal = await authenticateRequest(deps, request, {
      body: jsonBodyOf(request).bytes,
      mayUseApiKeyOnly,
    });
    next();
  };
}

function limitKey(stage: Stages | undefined): string | undefined {
  if (stage?.operation.isLimitedBySubject !== true) return undefined;
  return JSON.stringify([stage.principal?.tenantId, stage.body?.uuid]);
}

function perform(deps: HttpDeps, stages: WeakMap<Request, Stages>): RequestHandler {
  return async (request, response) => {
    const { canonical, operation, body, principal, deviceInfo } = stageOf(stages, request);
    if (body === undefined || principal === undefined) throw new Error('a stage was left out');
    const keyed = {
      key: idempotencyKeyOf(request),
      scope: `${principal.clientId} ${SESSIONS_PATH}`,
      content: jsonBodyOf(request).value,
    };
    const done = await runOnce(deps.operations, keyed, async (remember) => {
      const { spelledType } = canonical;
      const create = { principal, body, spelledType, deviceInfo, remember };
      return await operation.create(deps.operations, create as CreateRequest<never>);
    });
    const answer = await withReceipt(deps.operations, done);
    deps.validator.checkResponse(operation.responseSchema, answer.body as never);
    sendAnswer(response, answer);
  };
}

function recordRefusals(deps: HttpDeps, stages: WeakMap<Request, Stages>): ErrorRequestHandler {
  return async (error: unknown, request, _response, next) => {
    const stage = stages.get(request);
    if (stage !== undefined && isWorthRecording(stage, error)) {
      const refused = { op: stage.canonical.type, ...principalOf(stage.principal) };
      await recordRefusal(deps.operations, refused, error);
    }
    next(error);
  };
}

/**
 * What somebody who is not known sends wrongly is no operation, and anybody could fill the log with
 * it; wrong credentials are recorded, as often as the limit of failures lets them come.
 */
function isWorthRecording(stage: Stages, error: unknown): boolean {
  if (stage.principal !== undefined) return true;
  return error instanceof ServiceError && ERRORS[error.code].status === 401;
}

function principalOf(principal: Principal | undefined): { tenantId?: string; clientId?: string } {
  return principal === undefined
    ? {}
    : { tenantId: principal.tenantId, clientId: principal.clientId };
}

function stageOf(stages: WeakMap<Request, Stages>, request: Request): Stages {
  const stage = stages.get(request);
  if (stage === undefined) throw new Error('findOperation did not run for this route');
  return stage;
}
