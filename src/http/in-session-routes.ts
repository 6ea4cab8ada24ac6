import { type Request, type RequestHandler, Router } from 'express';
import { ServiceError } from '../errors/service-error.js';
import type { EncryptedRequest, TemplateRequest } from '../lib/messages.js';
import { runOnce } from '../operations/idempotent.js';
import { recordRefusal } from '../operations/refuse.js';
import { startSession } from '../operations/start-session.js';
import { readProbe, requireOpenSession } from '../operations/submit.js';
import { OPERATIONS } from '../operations/table.js';
import type { OperationType, Session } from '../sessions/session.js';
import { allowAnyOrigin } from './cors.js';
import { SESSIONS_PATH } from './create-session.js';
import type { HttpDeps } from './deps.js';
import { discardBody } from './discard-body.js';
import { jsonBodyOf, readJsonBody } from './json-body.js';
import { onlyMethods } from './methods.js';
import { parseJson } from './parse-json.js';
import { limitFailures } from './rate-limit.js';
import { idempotencyKeyOf } from './request-headers.js';
import { sendAnswer, sendJson } from './send.js';

const SESSION_PATH = `${SESSIONS_PATH}/:sessionId`;
const ENROLL_PATH = `${SESSION_PATH}/enroll`;
/** Clients send a sign-in to either. */
const MATCH_PATHS = [`${SESSION_PATH}/verify`, `${SESSION_PATH}/sign-in`];
const ACCEPT_PATHS = [`${SESSION_PATH}/collect`, `${SESSION_PATH}/feedback`, `${SESSION_PATH}/img`];
const IMAGE_LIMIT_BYTES = 10 * 1024 * 1024;

/** What the person's browser or app sends; the session id in the path is the credential. */
export function inSessionRoutes(deps: HttpDeps): Router {
  const router = Router({ caseSensitive: true });
  const paths = [ENROLL_PATH, ...MATCH_PATHS, ...ACCEPT_PATHS];
  router.all(paths, allowAnyOrigin(['POST']));
  router.post(paths, limitFailures(deps.settings.authFailureRateLimit, [403, 404, 409, 410]));
  router.post(ENROLL_PATH, readJsonBody(), submit(deps, ['ENROLL']));
  router.post(MATCH_PATHS, readJsonBody(), submit(deps, ['VERIFY', 'SIGN-IN']));
  router.post(`${SESSION_PATH}/collect`, readJsonBody(), accept(deps, 'collect.request'));
  router.post(`${SESSION_PATH}/feedback`, readJsonBody(), accept(deps, 'feedback.request'));
  router.post(`${SESSION_PATH}/img`, discardBody(IMAGE_LIMIT_BYTES), accept(deps));
  router.all(paths, onlyMethods('POST'));
  return router;
}

function submit(deps: HttpDeps, types: readonly OperationType[]): RequestHandler {
  return async (request, response) => {
    const { value } = jsonBodyOf(request);
    const sessionId = sessionIdOf(request);
    const keyed = {
      key: idempotencyKeyOf(request),
      scope: `session ${request.path}`,
      content: value,
    };
    const answer = await runOnce(deps.operations, keyed, async (remember) => {
      return await recordingRefusals(deps, sessionId, async () => {
        const session = await requireOpenSession(deps.operations, { sessionId, types });
        const template = await readTemplate(deps, session, value);
        const probe = readProbe(deps.operations, session, template);
        const { submit: perform } = OPERATIONS[session.type];
        try {
          if (perform === undefined) throw new ServiceError('WRONG_SESSION_TYPE');
          return await perform(deps.operations, { session, probe, remember });
        } finally {
          probe.embedding.wipe();
        }
      });
    });
    deps.validator.checkResponse('template.response', answer.body as never);
    sendAnswer(response, answer);
  };
}

/** The template as it came, or out of its five encrypted fields. */
async function readTemplate(
  deps: HttpDeps,
  session: Session,
  value: unknown,
): Promise<TemplateRequest> {
  if (typeof value !== 'object' || value === null || !('encryptedKey' in value)) {
    return deps.validator.validate('template.request', value);
  }
  const fields: EncryptedRequest = deps.validator.validate('encrypted.request', value);
  const plaintext = await deps.operations.payloadKey.open(fields, session.sessionId);
  if (plaintext === undefined) throw new ServiceError('DECRYPTION_FAILED');
  try {
    return deps.validator.validate('template.request', plaintext.use(parseJson));
  } finally {
    plaintext.wipe();
  }
}

/** Calls whose content is not kept: they are checked, show that the person has begun, and are dropped. */
function accept(deps: HttpDeps, schema?: 'collect.request' | 'feedback.request'): RequestHandler {
  return async (request, response) => {
    const session = await requireOpenSession(deps.operations, { sessionId: sessionIdOf(request) });
    if (schema !== undefined) deps.validator.validate(schema, jsonBodyOf(request).value);
    await startSession(deps.operations, session);
    sendJson(response, 200, deps.validator.checkResponse('accepted.response', { success: true }));
  };
}

async function recordingRefusals<T>(
  deps: HttpDeps,
  sessionId: string,
  work: () => Promise<T>,
): Promise<T> {
  try {
    return await work();
  } catch (error) {
    const session = await deps.operations.store.sessions.find(sessionId);
    if (session !== undefined) {
      const { type: op, tenantId, clientId } = session;
      await recordRefusal(deps.operations, { op, tenantId, clientId }, error);
    }
    throw error;
  }
}

function sessionIdOf(request: Request): string {
  return String(request.params['sessionId']);
}
