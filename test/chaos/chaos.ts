import { SECOND_MS } from '../../src/lib/clock.js';
import { type Arrival, FINAL_EVENT } from './arrivals.js';
import { FURTHEST_MS } from './clock.js';
import { destinationOf } from './destinations.js';
import { enableDestination } from './destinations-api.js';
import { causeFaults, type FaultCounts, type FaultPlan } from './faults.js';
import type { Installation } from './installation.js';
import { Ledger } from './ledger.js';
import { GaveUp, PatientClient } from './patient-client.js';
import { Receivers } from './receivers.js';
import { isEnded, storiesOf, type Teller, tell } from './stories.js';
import { judge, type KnownSession, type Verdict } from './verdict.js';
import { waitMs } from './wait.js';

export interface ChaosPlan extends FaultPlan {
  readonly sessions: number;
  readonly storiesPerSecond: number;
  /** How long the client goes on asking when the faults are over. */
  readonly patienceMs: number;
  /** How long nothing may arrive before what is missing counts as lost. */
  readonly quietMs: number;
}

/** All that happened. */
export interface ChaosReport extends Verdict {
  readonly sessions: number;
  /** Sessions that did not end. */
  readonly open: number;
  /** Sessions of which nobody knows whether they exist, and those that were dropped with their subject. */
  readonly optional: number;
  readonly faults: FaultCounts;
  readonly failedStarts: number;
  /** A server ended although nobody killed it; must not happen. */
  readonly endedByItself: number;
  /** Events of sessions that came before their last one. */
  readonly early: number;
  /** What the client was answered, and how often. */
  readonly answers: Readonly<Record<string, number>>;
  readonly fates: Readonly<Record<string, number>>;
  /** Whether the destination that was gone could be enabled again. */
  readonly isEnabledAgain: boolean;
  readonly chaosSeconds: number;
  readonly drainSeconds: number;
}

/** Longer than a session lives, or a lease. */
const LAST_STEP_MS = 700 * SECOND_MS;
/** More than the time on the way. */
const SLACK_MS = 300 * SECOND_MS;
const MOST_AT_ONCE = 500;
/** Whoever breaks the order has so long to show it. */
const LINGER_MS = 2 * SECOND_MS;

export async function runChaos(
  installation: Installation,
  options: { seed: string; dir: string; plan: ChaosPlan; say: (line: string) => void },
): Promise<ChaosReport> {
  const { seed, dir, plan, say } = options;
  const { keys, servers } = installation;
  const toleranceSeconds = (FURTHEST_MS + 2 * LAST_STEP_MS + SLACK_MS) / SECOND_MS;
  const receivers = await Receivers.start({ seed, dir, keys, toleranceSeconds });
  try {
    const giveUp = new AbortController();
    const client = new PatientClient({ ...installation, giveUp: giveUp.signal });
    const ledger = new Ledger();
    const origin = (destination: string): string => receivers.origin(destination);
    const teller: Teller = { seed, client, ledger, origin };
    const faults: FaultCounts = { kills: 0, outages: {}, stepsForward: 0, stepsBack: 0 };

    const startedAtMs = performance.now();
    const calm = new AbortController();
    const causing = causeFaults(installation, { seed, plan, counts: faults, until: calm.signal });
    const telling = await Promise.race([tellAll(teller, plan, say), causing.then(neverBefore)]);
    calm.abort();
    await causing;
    const calmAtMs = performance.now();

    say('the faults are over; waiting for what is owed');
    receivers.order('calm');
    // What waits for a time that the clock was set back from need not be waited for.
    stepPastAll(installation);
    const patience = setTimeout(() => {
      giveUp.abort();
    }, plan.patienceMs);
    await telling.all;
    clearTimeout(patience);
    const bounds = { ...plan, say };
    // Now all that is open has expired, and nobody asks: the service itself must notice.
    stepPastAll(installation);
    // What goes to a destination that was gone is held until it is enabled.
    const free = ({ ref }: KnownSession): boolean => destinationOf(seed, ref).mood !== 'gone';
    const expected = (): KnownSession[] => ledger.sessions.filter(free).map(asOwed);
    await drain(() => judge(expected(), receivers.arrivals()), bounds);
    await seeWhatEnded({ ...installation, ledger });
    const isEnabledAgain = await enableDestination(installation, receivers.origin('gone-1'));
    receivers.order('enable');
    await drain(() => judge(ledger.sessions, receivers.arrivals()), bounds);
    await waitMs(LINGER_MS);

    const arrivals = receivers.arrivals();
    return {
      ...judge(ledger.sessions, arrivals),
      sessions: ledger.sessions.length,
      open: ledger.sessions.filter(({ duty }) => duty === 'open').length,
      optional: ledger.sessions.filter(({ duty }) => duty === 'optional').length,
      faults,
      failedStarts: sum(servers.map((server) => server.failedStarts)),
      endedByItself: sum(servers.map((server) => server.endedByItself)),
      early: arrivals.filter(isEarly).length,
      answers: Object.fromEntries(client.outcomes),
      fates: countsOf(arrivals.map(({ fate }) => fate)),
      isEnabledAgain,
      chaosSeconds: (calmAtMs - startedAtMs) / SECOND_MS,
      drainSeconds: (performance.now() - calmAtMs) / SECOND_MS,
    };
  } finally {
    receivers.close();
  }
}

/** Sets the clock to a time when nothing of before goes on. */
function stepPastAll({ clock }: Installation): void {
  clock.step(clock.highestMs + LAST_STEP_MS);
}

function isEarly({ message }: Arrival): boolean {
  return message !== undefined && message.event !== FINAL_EVENT;
}

function asOwed(session: KnownSession): KnownSession {
  return session.duty === 'open' ? { ...session, duty: 'owed' } : session;
}

function neverBefore(): never {
  throw new Error('the faults were over before the stories');
}

/** Begins story after story; resolves when the last has begun. `all` resolves when all have ended. */
async function tellAll(
  teller: Teller,
  { sessions, storiesPerSecond }: ChaosPlan,
  say: (line: string) => void,
): Promise<{ all: Promise<unknown> }> {
  const stories = storiesOf(teller.seed, sessions);
  const running = new Set<Promise<void>>();
  for (const [at, story] of stories.entries()) {
    const telling = tell(teller, story)
      .catch((error: unknown) => {
        if (!(error instanceof GaveUp)) throw error;
      })
      .finally(() => running.delete(telling));
    running.add(telling);
    if (at % 500 === 499)
      say(`${at + 1} of ${stories.length} stories begun, ${running.size} go on`);
    await waitMs(SECOND_MS / storiesPerSecond);
    while (running.size > MOST_AT_ONCE) await Promise.race(running);
  }
  return { all: Promise.all(running) };
}

/** Waits until nothing is missing, or nothing has arrived for a while. */
async function drain(
  verdict: () => Verdict,
  { quietMs, say }: { quietMs: number; say: (line: string) => void },
): Promise<void> {
  let seen = -1;
  let sinceMs = performance.now();
  for (;;) {
    const { owed, delivered, refused } = verdict();
    if (delivered + refused === owed || performance.now() - sinceMs > quietMs) return;
    if (delivered + refused !== seen) {
      seen = delivered + refused;
      sinceMs = performance.now();
      say(`${delivered} of ${owed} delivered, ${refused} refused`);
    }
    await waitMs(SECOND_MS);
  }
}

/** What expired is owed as well. */
async function seeWhatEnded(
  of: Pick<Installation, 'servers' | 'credentials'> & { ledger: Ledger },
): Promise<void> {
  const client = new PatientClient({ ...of, giveUp: AbortSignal.timeout(60 * SECOND_MS) });
  for (const { ref, sessionId, duty } of of.ledger.sessions)
    if (duty === 'open' && sessionId !== undefined && (await isEnded(client, sessionId)))
      of.ledger.ended(ref);
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0);
}

function countsOf(names: readonly string[]): Readonly<Record<string, number>> {
  const counts: Record<string, number> = {};
  for (const name of [...names].sort()) counts[name] = (counts[name] ?? 0) + 1;
  return counts;
}
