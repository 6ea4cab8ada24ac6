import { DAY_MS, MINUTE_MS, SECOND_MS } from '../lib/clock.js';
import type { AttemptResult } from './delivery-store.js';
import type { Overload } from './destination-health.js';
import type { SendResult } from './webhook-sender.js';

/** A receiver may ask for a longer pause than the schedule's, up to this. */
const MAX_RETRY_AFTER_MS = DAY_MS;
/** Spreads what failed together, as a fraction to either side. */
const JITTER = 0.1;
const GONE = 410;

export interface RetrySchedule {
  /** Waiting time before each attempt, the first included. */
  readonly delaysMs: readonly number[];
  /** A number from 0 up to 1. */
  readonly random: () => number;
}

/**
 * What follows an attempt, of which there were `attempts` with this one: 2xx delivers; 410, a receiver
 * that asks for no more and the end of the schedule fail; everything else, 3xx included, tries again
 * after the scheduled pause or the longer one of Retry-After.
 */
export function followUp(
  schedule: RetrySchedule,
  attempt: { attempts: number; endedAtMs: number; result: SendResult },
): AttemptResult['next'] {
  const { attempts, endedAtMs, result } = attempt;
  const status = result.kind === 'answered' ? result.status : undefined;
  if (status !== undefined && status >= 200 && status < 300) return { state: 'delivered' };
  const delayMs = schedule.delaysMs[attempts];
  const isRefused = status === GONE || (result.kind === 'answered' && result.isAborted === true);
  if (isRefused || delayMs === undefined) return { state: 'failed' };
  const jitteredMs = delayMs * (1 - JITTER + 2 * JITTER * schedule.random());
  const pauseMs = Math.max(jitteredMs, askedPauseMs(result));
  return { state: 'pending', dueAtMs: endedAtMs + Math.round(pauseMs) };
}

/** The pauses of an overloaded destination: from the first retry's, at most a second, to 5 minutes. */
export function overloadPauses({ delaysMs }: RetrySchedule): Omit<Overload, 'askedMs'> {
  const retriesMs = delaysMs.slice(1);
  return {
    firstPauseMs: Math.min(SECOND_MS, ...retriesMs),
    longestPauseMs: Math.min(5 * MINUTE_MS, Math.max(SECOND_MS, ...retriesMs)),
  };
}

function askedPauseMs(result: SendResult): number {
  const seconds = result.kind === 'answered' ? (result.retryAfterSeconds ?? 0) : 0;
  return Math.min(seconds * SECOND_MS, MAX_RETRY_AFTER_MS);
}
