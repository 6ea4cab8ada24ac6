import { DAY_MS, HOUR_MS, SECOND_MS } from '../lib/clock.js';
import type { Destination, DestinationHealth } from './destination-store.js';
import type { SendResult } from './webhook-sender.js';

/** A destination that fails for so long gets nothing any more until it is enabled again. */
const DISABLED_AFTER_MS = 5 * DAY_MS;
/** Failures that lie further apart are not one. The schedule has no longer pause. */
const FORGOTTEN_AFTER_MS = 2 * DAY_MS;
/** A single answer can hold up all deliveries of the destination for so long, and no longer. */
const LONGEST_ASKED_PAUSE_MS = HOUR_MS;
const GONE = 410;
const OVERLOADED: readonly number[] = [429, 502, 503, 504];

/** What an attempt says of its destination. */
export type Verdict =
  | { readonly kind: 'healthy' | 'gone' | 'nothing' }
  | {
      readonly kind: 'failing';
      /** It is overloaded: `askedMs` is what Retry-After says. */
      readonly overload?: { readonly askedMs: number };
    };

/**
 * 2xx: healthy. 410: gone. 429, 502, 503 and 504: failing and overloaded. A receiver that wants no more
 * of this message, and what was the service's own doing, say nothing of the destination.
 */
export function verdictOf(result: SendResult): Verdict {
  if (result.kind === 'failed') return { kind: result.code === 'CLOSED' ? 'nothing' : 'failing' };
  const { status, retryAfterSeconds = 0, isAborted } = result;
  if (status >= 200 && status < 300) return { kind: 'healthy' };
  if (status === GONE) return { kind: 'gone' };
  if (isAborted === true) return { kind: 'nothing' };
  return OVERLOADED.includes(status)
    ? { kind: 'failing', overload: { askedMs: retryAfterSeconds * SECOND_MS } }
    : { kind: 'failing' };
}

/** A failed attempt at a destination. */
export interface Failure extends Destination {
  readonly atMs: number;
  readonly outcome: string;
  readonly overload?: Overload | undefined;
}

/** How long an overloaded destination is left alone. */
export interface Overload {
  /** What it asked for; 0 when it did not. */
  readonly askedMs: number;
  /** Of its own accord the pause begins with this and doubles up to that. */
  readonly firstPauseMs: number;
  readonly longestPauseMs: number;
}

/**
 * The health after a failure. The pause of an overloaded destination doubles each time that it is
 * overloaded again after a pause; what was under way when it began changes nothing.
 */
export function afterFailure(
  before: DestinationHealth | undefined,
  failure: Failure,
): DestinationHealth {
  const { tenantId, origin, atMs, outcome } = failure;
  const current = isForgotten(before, atMs) ? undefined : before;
  return {
    ...current,
    tenantId,
    origin,
    failingSinceMs: current?.failingSinceMs ?? atMs,
    lastFailureAtMs: atMs,
    lastOutcome: outcome,
    failures: (current?.failures ?? 0) + 1,
    ...pauseAfter(current, failure),
  };
}

function isForgotten(before: DestinationHealth | undefined, atMs: number): boolean {
  if (before === undefined || before.disabledAtMs !== undefined) return false;
  return atMs - before.lastFailureAtMs > FORGOTTEN_AFTER_MS;
}

function pauseAfter(
  before: DestinationHealth | undefined,
  { atMs, overload }: Failure,
): Pick<DestinationHealth, 'pauses' | 'pausedUntilMs'> {
  const { pauses = 0, pausedUntilMs = 0 } = before ?? {};
  if (overload === undefined) return { pauses };
  const isPaused = pausedUntilMs > atMs;
  const untilMs = atMs + pauseMs(isPaused ? 0 : pauses, overload);
  return {
    pauses: isPaused ? pauses : pauses + 1,
    pausedUntilMs: Math.max(pausedUntilMs, untilMs),
  };
}

function pauseMs(
  pausesBefore: number,
  { askedMs, firstPauseMs, longestPauseMs }: Overload,
): number {
  const growingMs = Math.min(firstPauseMs * 2 ** Math.min(pausesBefore, 20), longestPauseMs);
  return Math.max(Math.min(askedMs, LONGEST_ASKED_PAUSE_MS), growingMs);
}

/** Whether a destination has failed for so long that it is given up. */
export function isGivenUp(health: DestinationHealth): boolean {
  return health.lastFailureAtMs - health.failingSinceMs >= DISABLED_AFTER_MS;
}
