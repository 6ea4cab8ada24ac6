import type { AuditOperation } from '../audit/leaf.js';
import { newEntry } from '../audit/reviews/record.js';
import { ServiceError } from '../errors/service-error.js';
import type { OperationDeps } from './deps.js';

/** What is known of a request that was refused. */
export interface Refused {
  readonly op: AuditOperation;
  readonly tenantId?: string;
  readonly clientId?: string;
}

/** Appends the audit entry of an operation that was not done, or not done to its end. */
export async function recordRefusal(
  deps: OperationDeps,
  refused: Refused,
  error: unknown,
): Promise<void> {
  const code = error instanceof ServiceError ? error.code : 'INTERNAL';
  const isFailure = code === 'INTERNAL' || code === 'UNAVAILABLE';
  const outcome = isFailure ? 'failed' : 'refused';
  await deps.store.audit.append(newEntry(deps, { ...refused, outcome, code }));
}
