import { ServiceError } from '../errors/service-error.js';
import type { Principal } from './authenticate.js';
import type { ClientScope } from './tenant.js';

/** Throws FORBIDDEN for a client without the scope. */
export function requireScope({ scopes }: Principal, scope: ClientScope): void {
  if (!scopes.includes(scope)) throw new ServiceError('FORBIDDEN');
}
