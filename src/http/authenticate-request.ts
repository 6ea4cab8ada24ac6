import type { Request } from 'express';
import { authenticate, type Principal } from '../access/authenticate.js';
import { type PresentedCredentials, presentedCredentials } from '../access/presented.js';
import { checkTimestamp } from '../access/timestamp.js';
import type { HttpDeps } from './deps.js';

/** Who sent a request with this body. Throws UNAUTHENTICATED, STALE_TIMESTAMP or INVALID_HEADER. */
export async function authenticateRequest(
  deps: HttpDeps,
  request: Request,
  { body, mayUseApiKeyOnly }: { body: Uint8Array; mayUseApiKeyOnly: boolean },
): Promise<Principal> {
  checkTimestamp(request.rawHeaders, deps.operations.clock.nowMs());
  return await authenticate(deps.authentication, {
    presented: presentedBy(request),
    body,
    mayUseApiKeyOnly,
  });
}

/** Undefined when the request brings no credentials at all. */
export function presentedBy(request: Request): PresentedCredentials | undefined {
  return presentedCredentials(request.rawHeaders);
}
