import type { AccessStore } from '../access/access-store.js';
import type { LogKeyStore, LogStore, PendingEntryStore } from '../audit/log-store.js';
import type { ReviewStore } from '../audit/reviews/review-store.js';
import type { SubjectStore } from '../biometrics/subject-store.js';
import type { DeliveryStore } from '../callbacks/delivery-store.js';
import type { DestinationStore } from '../callbacks/destination-store.js';
import type { ErasureStore } from '../erasure/erasure-store.js';
import type { ReflectedRootStore } from '../erasure/reflected-roots.js';
import type { IdempotencyStore } from '../sessions/idempotency-store.js';
import type { SessionStore } from '../sessions/session-store.js';
import type { BucketKeyStore } from '../vault/buckets/bucket-key-store.js';
import type { InstallationStore } from '../vault/installation-store.js';
import type { TreeStores } from '../vault/tree/tree-store.js';

/** The stores that can take part in one transaction. */
export interface Stores {
  readonly access: AccessStore;
  readonly sessions: SessionStore;
  readonly idempotency: IdempotencyStore;
  readonly subjects: SubjectStore;
  readonly erasures: ErasureStore;
  readonly deliveries: DeliveryStore;
  readonly destinations: DestinationStore;
  readonly audit: PendingEntryStore;
  readonly logKeys: LogKeyStore;
  readonly reviews: ReviewStore;
  readonly bucketKeys: BucketKeyStore;
}

/** What takes effect together, or not at all. */
export interface UnitOfWork extends Stores {
  readonly reflectedRoots: ReflectedRootStore;
  /**
   * Runs the work on one state of the stores and commits it durably, all or nothing; what it throws
   * undoes it. The work may be run again after a conflict, so it awaits nothing but these stores
   * and changes nothing else.
   */
  transaction<T>(work: (stores: Stores) => Promise<T>): Promise<T>;
}

/**
 * A database. Used directly, each call is a transaction of its own. A call that cannot be made
 * durable fails with UNAVAILABLE.
 */
export interface Store extends UnitOfWork {
  readonly trees: TreeStores;
  readonly log: LogStore;
  readonly installation: InstallationStore;
  /** Fails when the database cannot answer. */
  ping(): Promise<void>;
  /** Finishes what is under way, then lets go. */
  close(): Promise<void>;
}
