/** A tenant's callbacks to one origin: what takes turns, pauses, and is disabled as one. */
export interface Destination {
  readonly tenantId: string;
  /** Scheme, host and port. */
  readonly origin: string;
}

/**
 * Why a destination gets nothing any more. GONE: it answered 410. FAILING: nothing arrived for days.
 */
export type DisabledBecause = 'GONE' | 'FAILING';

/** A destination that does not work as it should; of one that does, nothing is kept. */
export interface DestinationHealth extends Destination {
  /** The first failure since something was delivered. */
  readonly failingSinceMs: number;
  readonly lastFailureAtMs: number;
  /** HTTP status or error code. */
  readonly lastOutcome: string;
  /** Failed attempts since something was delivered. */
  readonly failures: number;
  /** Pauses since then that it was overloaded again after. */
  readonly pauses: number;
  /** It asked for a pause. */
  readonly pausedUntilMs?: number;
  readonly disabledAtMs?: number;
  readonly disabledBecause?: DisabledBecause;
}

/** Where the health of destinations is kept. */
export interface DestinationStore {
  /** All that are failing, paused or disabled; of one tenant when it is named. */
  list(tenantId?: string): Promise<readonly DestinationHealth[]>;
  /** Replaces the health by what follows from it, which must have no effect besides; returns that. */
  update(
    destination: Destination,
    next: (before: DestinationHealth | undefined) => DestinationHealth,
  ): Promise<DestinationHealth>;
  /** Forgets the failures, unless the destination is disabled. */
  recordSuccess(destination: Destination): Promise<void>;
  /** True for the one call that did it. */
  disable(which: Destination & { atMs: number; because: DisabledBecause }): Promise<boolean>;
  /** Forgets failures, pause and disabling; false when there was nothing to forget. Repeatable. */
  enable(destination: Destination): Promise<boolean>;
  /** Removes what has not failed since, and is not disabled; returns how many. */
  removeQuietSince(beforeMs: number, limit: number): Promise<number>;
}
