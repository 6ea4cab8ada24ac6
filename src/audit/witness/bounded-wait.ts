import { type Clock, SECOND_MS } from '../../lib/clock.js';
import type { LogStore } from '../log-store.js';
import type { Witnessing } from './witnessing.js';

/** How long a caller is held up: what the witnesses say later, it gets later. */
const WAIT_MS = SECOND_MS;
/** As good as all of it: timers are not exact. */
const LATE_MS = 900;
/** How long nobody is held up after witnesses were late. */
const IMPATIENCE_MS = 10 * SECOND_MS;

interface Deps {
  readonly log: Pick<LogStore, 'head'>;
  readonly witnessing: Pick<Witnessing, 'settle'>;
  readonly clock: Clock;
}

/**
 * A function that resolves when the witnesses have cosigned what is in the log now, after a second at
 * the latest. When they were late, it resolves at once for the next ten seconds: a witness that is
 * gone costs one caller now and then a second, not everybody.
 */
export function createBoundedWait({ log, witnessing, clock }: Deps): () => Promise<void> {
  let impatientUntilMs = 0;
  return async () => {
    const beganAtMs = clock.nowMs();
    if (beganAtMs < impatientUntilMs) return;
    const head = await log.head();
    if (head === undefined) return;
    await witnessing.settle(head.size, WAIT_MS);
    const endedAtMs = clock.nowMs();
    if (endedAtMs - beganAtMs >= LATE_MS) impatientUntilMs = endedAtMs + IMPATIENCE_MS;
  };
}
