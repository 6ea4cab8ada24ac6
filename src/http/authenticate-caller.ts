import type { Request } from 'express';
import type { Principal } from '../access/authenticate.js';
import { recordRefusal } from '../operations/refuse.js';
import { authenticateRequest } from './authenticate-request.js';
import type { HttpDeps } from './deps.js';

/** Who sent a request without a body; what is refused goes into the log. Throws as `authenticateRequest`. */
export async function authenticateCaller(
  deps: HttpDeps,
  request: Request,
  { mayUseApiKeyOnly }: { mayUseApiKeyOnly: boolean },
): Promise<Principal> {
  try {
    return await authenticateRequest(deps, request, { body: new Uint8Array(0), mayUseApiKeyOnly });
  } catch (error) {
    await recordRefusal(deps.operations, { op: 'AUTHENTICATE' }, error);
    throw error;
  }
}
