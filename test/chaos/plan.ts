import { SECOND_MS } from '../../src/lib/clock.js';
import type { ChaosPlan } from './chaos.js';

/** What the stores bear beside everything else that runs. */
const MOST_STORIES_PER_SECOND: Readonly<Record<string, number>> = { sqlite: 50, mongo: 15 };
/** Also a short run has its kills, outages and steps. */
const SHORTEST_SECONDS = 16;
const SHORT_SESSIONS = 2_000;

export function planOf(sessions: number, store: string): ChaosPlan {
  const most = MOST_STORIES_PER_SECOND[store] ?? 1;
  const isShort = sessions < SHORT_SESSIONS;
  return {
    sessions,
    storiesPerSecond: Math.min(most, sessions / SHORTEST_SECONDS),
    killEveryMs: scaled(isShort ? [2.5, 4] : [4, 9]),
    outageEveryMs: scaled(isShort ? [4, 6] : [8, 16]),
    outageMs: scaled(isShort ? [0.5, 2.5] : [0.5, 6]),
    stepEveryMs: scaled(isShort ? [1, 3] : [4, 10]),
    patienceMs: 90 * SECOND_MS,
    quietMs: 60 * SECOND_MS,
  };
}

function scaled([low, high]: readonly [number, number]): readonly [number, number] {
  return [low * SECOND_MS, high * SECOND_MS];
}
