import { DAY_MS, HOUR_MS, SECOND_MS } from '../lib/clock.js';
import { resumeErasures } from './complete-erasure.js';
import type { OperationDeps } from './deps.js';
import { expireDueSessions } from './expire.js';
import { reflectErasures } from './reapply-erasures.js';

const BATCH_SIZE = 500;
const SWEEP_INTERVAL_MS = 2 * SECOND_MS;
const RETENTION_INTERVAL_MS = HOUR_MS;
/** An undeliverable webhook is given up after about three days; sessions stay at least as long. */
const LONGEST_DELIVERY_MS = 5 * DAY_MS;
/** The largest `sessionExpiry`. */
const LONGEST_SESSION_MS = DAY_MS;

/** How long what has ended is kept. */
interface Retention {
  readonly sessionsMs: number;
  /** Months that review records and the claims of receipts outlive their own. */
  readonly reviewMonths: number;
}

/** Ends what is overdue and resumes what was abandoned. */
async function sweep(deps: OperationDeps): Promise<void> {
  await expireDueSessions(deps);
  await resumeErasures(deps, 'running');
  await reflectErasures(deps);
}

/** Has the keys ready that the next month and the next day will need. */
async function prepareKeys(deps: OperationDeps): Promise<void> {
  await deps.reviews.prepare();
  await deps.daySeals.prepare();
}

/** Removes what nobody needs any more, and shreds the keys of what may come back from a backup. */
export async function removeOutdated(deps: OperationDeps, retention: Retention): Promise<void> {
  const { store, clock } = deps;
  const nowMs = clock.nowMs();
  const keptSinceMs = nowMs - Math.max(retention.sessionsMs, LONGEST_DELIVERY_MS);
  await repeat((limit) => store.sessions.removeEndedBefore(keptSinceMs, limit));
  await repeat((limit) => store.deliveries.removeCreatedBefore(keptSinceMs, limit));
  await repeat((limit) => store.destinations.removeQuietSince(keptSinceMs, limit));
  await repeat((limit) => store.idempotency.removeExpired(nowMs, limit));
  await repeat((limit) => store.access.removeExpiredTokens(nowMs, limit));
  await deps.daySeals.shredOutdated(nowMs, keptDays(retention));
  await deps.reviews.shredOutdated(nowMs, retention.reviewMonths);
}

/**
 * How long the key of a day outlives it: a session that began in it may last, its webhook may be under way,
 * and then both are kept.
 */
function keptDays({ sessionsMs }: Retention): number {
  return Math.ceil((LONGEST_SESSION_MS + LONGEST_DELIVERY_MS + sessionsMs) / DAY_MS);
}

/** Runs all of it for as long as the process lives; returns how to stop it. */
export function startHousekeeping(deps: OperationDeps, retention: Retention): () => Promise<void> {
  const sweeping = every(SWEEP_INTERVAL_MS, deps, async () => {
    await sweep(deps);
  });
  // Apart from the sweep, which cannot end a session while there is no key to seal its webhook under.
  const preparing = every(SWEEP_INTERVAL_MS, deps, async () => {
    await prepareKeys(deps);
  });
  const removing = every(RETENTION_INTERVAL_MS, deps, async () => {
    await removeOutdated(deps, retention);
  });
  return async () => {
    await Promise.all([sweeping(), preparing(), removing()]);
  };
}

function every(
  intervalMs: number,
  deps: OperationDeps,
  work: () => Promise<void>,
): () => Promise<void> {
  let running: Promise<void> = Promise.resolve();
  let isIdle = true;
  const timer = setInterval(() => {
    if (!isIdle) return;
    isIdle = false;
    running = work()
      .catch((error: unknown) => {
        deps.watch.workerFailed({ worker: 'housekeeping', error });
      })
      .finally(() => {
        isIdle = true;
      });
  }, intervalMs);
  timer.unref();
  return async () => {
    clearInterval(timer);
    await running;
  };
}

async function repeat(remove: (limit: number) => Promise<number>): Promise<void> {
  while ((await remove(BATCH_SIZE)) === BATCH_SIZE);
}
