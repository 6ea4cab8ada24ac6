import type { Request } from 'express';
import type { Principal } from '../access/authenticate.js';
import { recordRefusal } from '../operations/refuse.js';
import { authenticateRequest } from './authenticate-request.js';
import type { HttpDeps } from './deps.js';

/**
 * Who sent a request, which has no body unless one is given; what is refused goes into the log. Throws
 * as `authenticateRequest`.
 */
export async function authenticateCaller(
  deps: HttpDeps,
  request: Request,
  { body = new Uint8Array(0), mayUseApiKeyOnly }: { body?: Uint8Array; mayUseApiKeyOnly: boolean },
): Promise<Principal> {
  try {
    return await authenticateRequest(deps, request, { body, mayUseApiKeyOnly });
  } catch (error) {
    await recordRefusal(deps.operations, { op: 'AUTHENTICATE' }, error);
    throw error;
  }
}
