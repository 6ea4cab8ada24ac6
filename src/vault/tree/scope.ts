import { ServiceError } from '../../errors/service-error.js';
import type { KeyScope } from '../vault.js';

const BUCKET = /^[A-Za-z0-9./-]{1,100}$/;

/** The name of a scope in the store. */
export function scopeText(scope: KeyScope): string {
  if ('tenantId' in scope) return `tenant/${scope.tenantId}`;
  if (!BUCKET.test(scope.bucket))
    throw new ServiceError('INTERNAL', { detail: 'a bucket has no valid name' });
  return `bucket/${scope.bucket}`;
}
