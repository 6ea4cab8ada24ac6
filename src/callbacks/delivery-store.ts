/** One event on its way to one URL. */
export interface Delivery {
  /** The `webhook-id`: the same in every attempt, the receiver's key against duplicates. */
  readonly deliveryId: string;
  readonly tenantId: string;
  readonly sessionId: string;
  /** The receipt of this erasure is put into the body when it is sent. */
  readonly erasureId?: string;
  /** One event of a kind for each session. */
  readonly eventType: 'session.ended';
  /** Origin of the URL: all of it that is kept in clear, because paths and queries hold tokens. */
  readonly destination: string;
  /** The session's `sealedCallback`: JSON {url, headers}. */
  readonly sealedCallback: Uint8Array;
  /** The exact body, sealed. */
  readonly sealedBody: Uint8Array;
  readonly state: 'pending' | 'delivered' | 'failed';
  readonly attempts: number;
  readonly createdAtMs: number;
  readonly dueAtMs: number;
  readonly firstAttemptedAtMs?: number;
  /** HTTP status or error code of the last attempt; never a body. */
  readonly lastOutcome?: string;
  readonly endedAtMs?: number;
}

/** A delivery that this worker alone may attempt until the lease ends. */
export interface LeasedDelivery {
  readonly delivery: Delivery;
  readonly leaseId: string;
}

/** What became of an attempt. */
export interface AttemptResult {
  readonly attemptedAtMs: number;
  readonly outcome: string;
  readonly next:
    | { readonly state: 'delivered' | 'failed' }
    | { readonly state: 'pending'; readonly dueAtMs: number };
}

/** Where deliveries are kept. */
export interface DeliveryStore {
  /** Enqueues; repeating it for the same session and event type changes nothing. */
  insert(delivery: Delivery): Promise<void>;
  findBySession(sessionId: string): Promise<Delivery | undefined>;
  /**
   * Leases pending deliveries that are due, or named in `expedited`, and not leased by another
   * worker; earliest due first.
   */
  claimDue(claim: {
    nowMs: number;
    leaseUntilMs: number;
    limit: number;
    expedited: readonly string[];
  }): Promise<readonly LeasedDelivery[]>;
  /** Records an attempt and ends the lease; false when the lease had passed to another worker. */
  finishAttempt(leased: LeasedDelivery, result: AttemptResult): Promise<boolean>;
  /** Ends every lease: for a process that knows that no other one has a worker. Repeatable. */
  releaseLeases(): Promise<void>;
  /** The earliest time at which a pending delivery is due and free of the lease on it. */
  nextDueAtMs(): Promise<number | undefined>;
  /** Removes whatever belongs to these sessions, pending or not; repeatable. Returns how many. */
  removeOfSessions(sessionIds: readonly string[]): Promise<number>;
  removeEndedBefore(beforeMs: number, limit: number): Promise<number>;
}
