import type { PendingEntryStore } from '../audit/log-store.js';
import type { ReviewSealer } from '../audit/reviews/record.js';
import type { Sealer } from '../crypto/sealer.js';
import type { SecretBytes } from '../crypto/secret-bytes.js';
import { ServiceError } from '../errors/service-error.js';
import { type Clock, HOUR_MS } from '../lib/clock.js';
import type { AccessStore } from './access-store.js';

/** What a change of a tenant or client takes part in: the change and its audit entry, together. */
interface AccountStores {
  readonly access: AccessStore;
  readonly audit: PendingEntryStore;
}

/** The part of the database that tenants and clients need. */
interface AccountStore {
  readonly access: AccessStore;
  transaction<T>(work: (stores: AccountStores) => Promise<T>): Promise<T>;
}

/** What the administration of tenants and clients works with. */
export interface AccountDeps {
  readonly store: AccountStore;
  readonly sealer: Sealer;
  /** 32 bytes; see `derivePepper`. */
  readonly pepper: SecretBytes;
  readonly clock: Clock;
  readonly reviews: ReviewSealer;
}

/** How long a rotated secret stays live unless told otherwise. */
export const DEFAULT_OVERLAP_MS = 24 * HOUR_MS;

export function noSuchTenant(): ServiceError {
  return new ServiceError('NOT_FOUND', { detail: 'there is no tenant with this id' });
}

export function noSuchClient(): ServiceError {
  return new ServiceError('NOT_FOUND', { detail: 'there is no client with this id' });
}
