import { type Request, type RequestHandler, type Response, Router } from 'express';
import { redirectTarget } from '../callbacks/redirect.js';
import { signResult } from '../callbacks/result.js';
import { ServiceError } from '../errors/service-error.js';
import { MINUTE_MS } from '../lib/clock.js';
import { findCurrentSession } from '../operations/expire.js';
import { isOpen, type Session } from '../sessions/session.js';
import type { HttpDeps } from './deps.js';
import { launchPage, unknownSessionPage } from './launch-page.js';
import { onlyMethods } from './methods.js';
import { limitFailures } from './rate-limit.js';
import { sendPage } from './send-page.js';
import { staticFiles } from './static-files.js';

const PAGE_PATH = '/launch/:sessionId';
const RETURN_PATH = '/launch/:sessionId/return';
/** How long after its end a session's way back carries a signed result. */
const RESULT_OFFERED_MS = 10 * MINUTE_MS;
/** Pauses between two looks at a delivery: most are made within the first. */
const FIRST_PAUSE_MS = 25;
const LONGEST_PAUSE_MS = 200;

/** The page where a person completes a session, and the way back to the integrator. */
export function launchRoutes(deps: HttpDeps): Router {
  const router = Router({ caseSensitive: true });
  const limit = limitFailures(deps.settings.authFailureRateLimit, [404]);
  router.use('/launch-assets', staticFiles(deps.webDir));
  router.get(PAGE_PATH, limit, showPage(deps));
  router.get(RETURN_PATH, limit, goBack(deps));
  router.all([PAGE_PATH, RETURN_PATH], onlyMethods('GET'));
  return router;
}

function showPage(deps: HttpDeps): RequestHandler {
  return async (request, response) => {
    const session = await findSession(deps, request);
    if (session === undefined) {
      refuseUnknown(request, response);
      return;
    }
    const tenant = await deps.operations.store.access.findTenant(session.tenantId);
    const html = launchPage({
      session,
      displayName: tenant?.displayName ?? '',
      isPickerShown: deps.settings.isPickerShown,
    });
    const origins = [session.redirectURL, session.failureUrl].flatMap(originOf);
    sendPage(response, {
      status: 200,
      html,
      formOrigins: origins,
      frameOrigins: [...origins, ...(tenant?.frameOrigins ?? [])],
    });
  };
}

/**
 * Sends the browser back once the session has ended and the webhook's first attempt was made, or a
 * stated time passed: a receiver that answers in time always knows before the browser arrives.
 */
function goBack(deps: HttpDeps): RequestHandler {
  return async (request, response) => {
    const session = await findSession(deps, request);
    if (session === undefined) {
      refuseUnknown(request, response);
      return;
    }
    if (isOpen(session)) {
      response.redirect(303, `/launch/${session.sessionId}`);
      return;
    }
    await firstAttempt(deps, session, response);
    const { clock, publicUrl } = deps.operations;
    const { signingKey } = deps;
    const nowMs = clock.nowMs();
    // An old launch URL that somebody finds later vouches for nothing any more.
    const isRecent = nowMs - (session.endedAtMs ?? 0) < RESULT_OFFERED_MS;
    const resultJws = isRecent
      ? await signResult({ signingKey, publicUrl }, { session, nowMs })
      : undefined;
    const reason = session.state.toLowerCase();
    response.redirect(303, redirectTarget({ session, reason, resultJws }));
  };
}

/** Looks into the store, because the worker that makes the attempt may be another process. */
async function firstAttempt(deps: HttpDeps, session: Session, response: Response): Promise<void> {
  const { clock, store } = deps.operations;
  const untilMs = clock.nowMs() + deps.settings.redirectWaitMs;
  let pauseMs = FIRST_PAUSE_MS;
  while (!response.destroyed) {
    const delivery = await store.deliveries.findBySession(session.sessionId);
    if (delivery === undefined || delivery.attempts > 0) return;
    const leftMs = untilMs - clock.nowMs();
    if (leftMs <= 0) return;
    await new Promise((resolve) => setTimeout(resolve, Math.min(pauseMs, leftMs)));
    pauseMs = Math.min(pauseMs * 2, LONGEST_PAUSE_MS);
  }
}

/** Browsers get a page, everything else the envelope. */
function refuseUnknown(request: Request, response: Response): void {
  response.vary('Accept');
  if (request.accepts(['json', 'html']) !== 'html') throw new ServiceError('SESSION_NOT_FOUND');
  sendPage(response, { status: 404, html: unknownSessionPage() });
}

async function findSession(deps: HttpDeps, request: Request): Promise<Session | undefined> {
  return await findCurrentSession(deps.operations, String(request.params['sessionId']));
}

function originOf(url: string | undefined): readonly string[] {
  return url !== undefined && URL.canParse(url) ? [new URL(url).origin] : [];
}
