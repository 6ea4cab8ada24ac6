import type { Destination } from './destination-store.js';

/** `session.ended` is the last event of its session. */
export type EventType = 'session.started' | 'session.ended' | 'webhook.test';

/** What became of one attempt: enough for an operator, and nothing that the receiver said. */
export interface AttemptRecord {
  readonly atMs: number;
  readonly durationMs: number;
  /** HTTP status or error code. */
  readonly outcome: string;
}

/** One event on its way to one URL. */
export interface Delivery {
  /** The `webhook-id`: the same in every attempt, the receiver's key against duplicates; ordered by time. */
  readonly deliveryId: string;
  readonly tenantId: string;
  readonly sessionId: string;
  /** The receipt of this erasure is put into the body when it is sent. */
  readonly erasureId?: string;
  /** One event of a kind for each session. */
  readonly eventType: EventType;
  /** Origin of the URL: all of it that is kept in clear, because paths and queries hold tokens. */
  readonly origin: string;
  /** The session's `sealedCallback`: JSON {url, headers}. */
  readonly sealedCallback: Uint8Array;
  /** The exact body, sealed. */
  readonly sealedBody: Uint8Array;
  /** `superseded`: its session ended before it could be delivered. */
  readonly state: 'pending' | 'delivered' | 'failed' | 'superseded';
  /** Attempts of the schedule: since it was enqueued, or replayed. */
  readonly attempts: number;
  /** The newest attempts, oldest first. */
  readonly attemptLog: readonly AttemptRecord[];
  readonly createdAtMs: number;
  readonly dueAtMs: number;
  /** Absent while it is pending. */
  readonly endedAtMs?: number;
}

/** A delivery that this worker alone may attempt until the lease ends. */
export interface LeasedDelivery {
  readonly delivery: Delivery;
  readonly leaseId: string;
}

/** What was claimed, and what is left. */
export interface Claimed {
  readonly leased: readonly LeasedDelivery[];
  /** The earliest time at which another delivery of the destination may be claimed. */
  readonly nextAtMs?: number;
}

/** What became of an attempt, and what follows. */
export interface AttemptResult {
  readonly attempt: AttemptRecord;
  /** The log of the delivery with this attempt. */
  readonly attemptLog: readonly AttemptRecord[];
  readonly next:
    | { readonly state: 'delivered' | 'failed' }
    | { readonly state: 'pending'; readonly dueAtMs: number };
}

/** A part of a tenant's deliveries. */
export interface DeliveryFilter {
  readonly tenantId: string;
  readonly state?: Delivery['state'] | undefined;
  readonly sessionId?: string | undefined;
  readonly origin?: string | undefined;
  /** Created from here on. */
  readonly fromMs?: number | undefined;
  /** Created before. */
  readonly untilMs?: number | undefined;
}

/** Where deliveries are kept. */
export interface DeliveryStore {
  /** Enqueues; repeating it for the same session and event type changes nothing. */
  insert(delivery: Delivery): Promise<void>;
  /**
   * Ends the pending events of a session that nobody is sending; returns until when the lease of one
   * that is being sent lasts. To be called in the transaction that inserts `session.ended`.
   */
  supersede(session: { sessionId: string; nowMs: number }): Promise<number | undefined>;
  find(deliveryId: string): Promise<Delivery | undefined>;
  /** The `session.ended` of a session. */
  findBySession(sessionId: string): Promise<Delivery | undefined>;
  /** Deliveries created before the one named, newest first. */
  list(page: {
    filter: DeliveryFilter;
    beforeDeliveryId?: string | undefined;
    limit: number;
  }): Promise<readonly Delivery[]>;
  /** The destinations that have pending deliveries, with the earliest time at which one may be claimed. */
  listQueues(): Promise<readonly (Destination & { readonly nextAtMs: number })[]>;
  /**
   * Leases pending deliveries of a destination that are due, or named in `expedited`, and not leased by
   * another worker; earliest due first. An event whose session has ended is superseded instead.
   */
  claim(claim: {
    destination: Destination;
    nowMs: number;
    leaseUntilMs: number;
    limit: number;
    expedited: readonly string[];
  }): Promise<Claimed>;
  /**
   * Records an attempt and ends the lease; false when the lease had passed to another worker. An event
   * whose session has ended meanwhile is not tried again, and `session.ended` need not wait for it any
   * longer.
   */
  finishAttempt(leased: LeasedDelivery, result: AttemptResult): Promise<boolean>;
  /**
   * Makes a delivery due, with its whole schedule before it when it had ended. Returns it as it is then;
   * undefined when it is of another tenant, superseded, or unknown. Repeatable.
   */
  replay(which: {
    tenantId: string;
    deliveryId: string;
    nowMs: number;
  }): Promise<Delivery | undefined>;
  /** Ends these leases, where they still hold: another worker may claim what is due. Repeatable. */
  giveBack(leased: readonly LeasedDelivery[]): Promise<void>;
  /** Ends every lease: for a process that knows that no other one has a worker. Repeatable. */
  releaseLeases(): Promise<void>;
  /** Removes whatever belongs to these sessions, pending or not; repeatable. Returns how many. */
  removeOfSessions(sessionIds: readonly string[]): Promise<number>;
  /** Removes at most `limit` of those created before, pending or not; returns how many. */
  removeCreatedBefore(beforeMs: number, limit: number): Promise<number>;
}
