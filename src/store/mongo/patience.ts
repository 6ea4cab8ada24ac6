import { setTimeout as delay } from 'node:timers/promises';
import { SECOND_MS } from '../../lib/clock.js';
import { asServiceFailure, isPassing } from './failures.js';

/** A caller waits for an answer, so repeating ends soon enough to give one. */
const LIMIT_MS = 10 * SECOND_MS;
const FIRST_PAUSE_MS = 4;
const LONGEST_PAUSE_MS = SECOND_MS;

/** What is left of the time in which one call may be tried again. */
export interface Patience {
  /** Waits a random while after a failure that may pass; throws when it will not, or time is up. */
  pause(error: unknown): Promise<void>;
}

export function createPatience(limitMs = LIMIT_MS): Patience {
  const endsAt = performance.now() + limitMs;
  let attemptedAt = performance.now();
  let pauseMs = FIRST_PAUSE_MS;
  return {
    async pause(error) {
      const now = performance.now();
      if (!isPassing(error) || now >= endsAt) throw asServiceFailure(error);
      // Up to as long as the attempt took, so that those who were in each other's way fall out of step.
      const upToMs = Math.min(Math.max(pauseMs, now - attemptedAt), LONGEST_PAUSE_MS, endsAt - now);
      await delay(Math.random() * upToMs);
      attemptedAt = performance.now();
      pauseMs *= 2;
    },
  };
}

/**
 * Tries until it succeeds or patience ends. An attempt that failed may have taken effect all the
 * same, when its reply was lost: the next one is told that it is a repetition.
 */
export async function repeat<T>(attempt: (isRepetition: boolean) => Promise<T>): Promise<T> {
  const patience = createPatience();
  for (let isRepetition = false; ; isRepetition = true) {
    try {
      return await attempt(isRepetition);
    } catch (error) {
      await patience.pause(error);
    }
  }
}
