import type { AccessStore } from '../../access/access-store.js';
import type { LogKeyStore, PendingEntryStore } from '../../audit/log-store.js';
import type { ReviewStore } from '../../audit/reviews/review-store.js';
import type { SubjectStore } from '../../biometrics/subject-store.js';
import type { DeliveryStore } from '../../callbacks/delivery-store.js';
import type { DestinationStore } from '../../callbacks/destination-store.js';
import type { ErasureStore } from '../../erasure/erasure-store.js';
import type { Stores } from '../../operations/unit-of-work.js';
import type { IdempotencyStore } from '../../sessions/idempotency-store.js';
import type { SessionStore } from '../../sessions/session-store.js';
import type { BucketKeyStore } from '../../vault/buckets/bucket-key-store.js';
import { accessStore } from './access.js';
import { bucketKeyStore } from './bucket-keys.js';
import { deliveryStore } from './deliveries.js';
import { destinationStore } from './destinations.js';
import { erasureStore } from './erasures.js';
import { idempotencyStore } from './idempotency.js';
import { logKeyStore } from './log-keys.js';
import { pendingEntryStore } from './pending-entries.js';
import { reviewStore } from './reviews.js';
import type { Runner } from './runner.js';
import { sessionStore } from './sessions.js';
import { subjectStore } from './subjects.js';

/** The stores that take part in transactions, on this runner. */
export function storesOn(runner: Runner): Stores {
  return {
    access: accessStore(runner),
    sessions: sessionStore(runner),
    idempotency: idempotencyStore(runner),
    subjects: subjectStore(runner),
    erasures: erasureStore(runner),
    deliveries: deliveryStore(runner),
    destinations: destinationStore(runner),
    audit: pendingEntryStore(runner),
    logKeys: logKeyStore(runner),
    reviews: reviewStore(runner),
    bucketKeys: bucketKeyStore(runner),
  };
}

/**
 * The same for one transaction. Each store is made at its first use: a transaction needs few of
 * them, and making all would cost as much as its statements.
 */
export class TransactionStores implements Stores {
  readonly #runner: Runner;
  #access: AccessStore | undefined;
  #sessions: SessionStore | undefined;
  #idempotency: IdempotencyStore | undefined;
  #subjects: SubjectStore | undefined;
  #erasures: ErasureStore | undefined;
  #deliveries: DeliveryStore | undefined;
  #destinations: DestinationStore | undefined;
  #audit: PendingEntryStore | undefined;
  #logKeys: LogKeyStore | undefined;
  #reviews: ReviewStore | undefined;
  #bucketKeys: BucketKeyStore | undefined;

  constructor(runner: Runner) {
    this.#runner = runner;
  }

  get access(): AccessStore {
    return (this.#access ??= accessStore(this.#runner));
  }

  get sessions(): SessionStore {
    return (this.#sessions ??= sessionStore(this.#runner));
  }

  get idempotency(): IdempotencyStore {
    return (this.#idempotency ??= idempotencyStore(this.#runner));
  }

  get subjects(): SubjectStore {
    return (this.#subjects ??= subjectStore(this.#runner));
  }

  get erasures(): ErasureStore {
    return (this.#erasures ??= erasureStore(this.#runner));
  }

  get deliveries(): DeliveryStore {
    return (this.#deliveries ??= deliveryStore(this.#runner));
  }

  get destinations(): DestinationStore {
    return (this.#destinations ??= destinationStore(this.#runner));
  }

  get audit(): PendingEntryStore {
    return (this.#audit ??= pendingEntryStore(this.#runner));
  }

  get logKeys(): LogKeyStore {
    return (this.#logKeys ??= logKeyStore(this.#runner));
  }

  get reviews(): ReviewStore {
    return (this.#reviews ??= reviewStore(this.#runner));
  }

  get bucketKeys(): BucketKeyStore {
    return (this.#bucketKeys ??= bucketKeyStore(this.#runner));
  }
}
