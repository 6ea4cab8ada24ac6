import type { MatchThresholds } from '../config/config.js';
import { ServiceError } from '../errors/service-error.js';
import type { OperationDeps } from './deps.js';

/** The thresholds of a model for a tenant: the tenant's own, else the service's. */
export async function thresholdsOf(
  deps: OperationDeps,
  tenantId: string,
  model: string,
): Promise<MatchThresholds> {
  const tenant = await deps.store.access.findTenant(tenantId);
  const thresholds = tenant?.thresholds[model] ?? deps.models[model]?.thresholds;
  if (thresholds === undefined) throw new ServiceError('UNKNOWN_MODEL');
  return thresholds;
}
