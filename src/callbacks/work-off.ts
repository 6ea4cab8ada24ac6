import { SECOND_MS } from '../lib/clock.js';
import { pause } from '../lib/pause.js';
import { type AttemptDeps, type AttemptOutcome, attemptDelivery } from './attempt.js';
import type { AttemptResult, DeliveryStore } from './delivery-store.js';
import { afterFailure, isGivenUp } from './destination-health.js';
import type { DestinationLane, Job } from './destination-lane.js';
import type { Destination, DestinationStore, DisabledBecause } from './destination-store.js';
import { overloadPauses } from './retry-schedule.js';

/** The sender's deadline, and time to record. */
export const ATTEMPT_MS = 16 * SECOND_MS;
const STORE_PAUSE_MS = SECOND_MS;

/** One attempt, for metrics and log: no URL, no header, nothing of the receiver. */
export interface AttemptReport {
  readonly tenantId: string;
  readonly deliveryId: string;
  /** 1 for the first. */
  readonly attempt: number;
  /** HTTP status or error code. */
  readonly outcome: string;
  readonly state: AttemptResult['next']['state'];
  readonly durationMs: number;
}

export interface WorkOffDeps extends AttemptDeps {
  readonly deliveries: DeliveryStore;
  readonly destinations: DestinationStore;
  readonly onAttempt: (report: AttemptReport) => void;
  /** A destination gets nothing any more until somebody enables it. */
  readonly onDisabled: (destination: Destination, because: DisabledBecause) => void;
  /** A failure of the service itself, such as a store that does not answer. */
  readonly onError: (error: unknown) => void;
}

/**
 * Sends a leased delivery once, records what became of it, and what that says of its destination. What
 * cannot be sent or recorded within its lease is sent again by whoever leases it next. `isAbandoned`
 * tells that the worker has been given up: then nothing is recorded any more.
 */
export async function workOff(
  deps: WorkOffDeps,
  lane: DestinationLane,
  job: Job,
  isAbandoned: () => boolean,
): Promise<void> {
  const { delivery } = job.leased;
  // It waited too long: whoever holds the lease next will send it.
  if (deps.clock.nowMs() + ATTEMPT_MS > job.leaseUntilMs) return;
  const outcome = await attemptDelivery(deps, delivery);
  if (isAbandoned()) return;
  await record(deps, job, outcome, isAbandoned);
  const { attempt, next } = outcome;
  deps.onAttempt({
    tenantId: delivery.tenantId,
    deliveryId: delivery.deliveryId,
    attempt: delivery.attempts + 1,
    outcome: attempt.outcome,
    state: next.state,
    durationMs: attempt.durationMs,
  });
  if (next.state === 'pending') lane.expectAt(next.dueAtMs);
  // The last event of the session may have waited for this one.
  if (delivery.eventType === 'session.started') lane.expectAt(attempt.atMs);
  await learn(deps, lane, outcome);
}

/** Tries for as long as the lease lasts: what is not recorded will be sent again. */
async function record(
  deps: WorkOffDeps,
  { leased, leaseUntilMs }: Job,
  outcome: AttemptOutcome,
  isAbandoned: () => boolean,
): Promise<void> {
  while (!isAbandoned()) {
    try {
      await deps.deliveries.finishAttempt(leased, outcome);
      return;
    } catch (error) {
      deps.onError(error);
    }
    if (deps.clock.nowMs() + STORE_PAUSE_MS > leaseUntilMs) return;
    await pause(STORE_PAUSE_MS);
  }
}

async function learn(
  deps: WorkOffDeps,
  lane: DestinationLane,
  { verdict, attempt }: AttemptOutcome,
): Promise<void> {
  const { destinations, schedule } = deps;
  const { destination } = lane;
  if (verdict.kind === 'nothing') return;
  if (verdict.kind === 'healthy') {
    if (lane.health === undefined || lane.health.disabledAtMs !== undefined) return;
    await destinations.recordSuccess(destination);
    lane.health = undefined;
    return;
  }
  const overload =
    verdict.kind === 'failing' && verdict.overload !== undefined
      ? { ...verdict.overload, ...overloadPauses(schedule) }
      : undefined;
  const { outcome } = attempt;
  const atMs = deps.clock.nowMs();
  const failure = { ...destination, atMs, outcome, overload };
  lane.health = await destinations.update(destination, (before) => afterFailure(before, failure));
  const because = reasonToDisable(lane, verdict.kind);
  if (because === undefined) return;
  const isFirst = await destinations.disable({ ...destination, atMs, because });
  lane.health = { ...lane.health, disabledAtMs: atMs, disabledBecause: because };
  if (isFirst) deps.onDisabled(destination, because);
}

function reasonToDisable(
  { health }: DestinationLane,
  verdict: 'gone' | 'failing',
): DisabledBecause | undefined {
  if (health === undefined || health.disabledAtMs !== undefined) return undefined;
  if (verdict === 'gone') return 'GONE';
  return isGivenUp(health) ? 'FAILING' : undefined;
}
