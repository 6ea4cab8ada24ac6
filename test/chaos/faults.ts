import { FURTHEST_MS } from './clock.js';
import type { Installation } from './installation.js';
import { between, draw } from './random.js';
import { waitMs } from './wait.js';

type Range = readonly [number, number];

/** How often what happens, and for how long; milliseconds. */
export interface FaultPlan {
  readonly killEveryMs: Range;
  readonly outageEveryMs: Range;
  readonly outageMs: Range;
  readonly stepEveryMs: Range;
}

/** How often it happened. */
export interface FaultCounts {
  kills: number;
  outages: Record<string, number>;
  stepsForward: number;
  stepsBack: number;
}

const DOWN_MS = [0, 600] as const;

/** Makes everything fail by turns until the signal; all is up again when it resolves. */
export async function causeFaults(
  installation: Installation,
  options: { seed: string; plan: FaultPlan; counts: FaultCounts; until: AbortSignal },
): Promise<void> {
  const { seed, plan, counts, until } = options;
  const repeat = async (
    name: string,
    everyMs: Range,
    act: (turn: number) => Promise<void>,
  ): Promise<void> => {
    for (let turn = 0; ; turn += 1) {
      await waitMs(between(everyMs, draw(seed, name, 'pause', turn)), until);
      if (until.aborted) return;
      await act(turn);
    }
  };
  await Promise.all([
    repeat('kill', plan.killEveryMs, async (turn) => {
      const server = installation.servers[turn % installation.servers.length]!;
      await server.kill();
      counts.kills += 1;
      await waitMs(between(DOWN_MS, draw(seed, 'down', turn)));
      await server.restart();
    }),
    repeat('outage', plan.outageEveryMs, async (turn) => {
      const ways = Object.keys(installation.outages);
      const way = ways[turn % ways.length]!;
      await installation.outages[way]!(between(plan.outageMs, draw(seed, 'outage', turn)));
      counts.outages[way] = (counts.outages[way] ?? 0) + 1;
    }),
    repeat('step', plan.stepEveryMs, async (turn) => {
      const { clock } = installation;
      const from = clock.offsetMs;
      clock.step(aimFrom(from, draw(seed, 'step', turn)));
      if (clock.offsetMs > from) counts.stepsForward += 1;
      else counts.stepsBack += 1;
    }),
  ]);
}

/** By up to an hour, and not further off than that. */
function aimFrom(offsetMs: number, share: number): number {
  const low = Math.max(-FURTHEST_MS, offsetMs - FURTHEST_MS);
  const high = Math.min(FURTHEST_MS, offsetMs + FURTHEST_MS);
  return between([low, high], share);
}
