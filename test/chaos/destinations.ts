import { draw, pick } from './random.js';

/**
 * How a receiver treats what arrives. healthy: answers. flaky: each request meets its own fate. moody:
 * answers, with spells in which it hangs or hangs up. gone: answers 410 until it is enabled again.
 */
export type Mood = 'healthy' | 'flaky' | 'moody' | 'gone';

export interface Destination {
  readonly name: string;
  readonly mood: Mood;
}

export const DESTINATIONS: readonly Destination[] = [
  ...named('healthy', 5),
  ...named('flaky', 8),
  ...named('moody', 2),
  ...named('gone', 1),
];

/** Shares of the sessions. */
const WEIGHTS: Readonly<Record<Mood, number>> = { healthy: 32, flaky: 52, moody: 13, gone: 3 };

/** The destination of a session: the same for the same seed. */
export function destinationOf(seed: string, ref: string): Destination {
  const mood = pick(Object.entries(WEIGHTS), draw(seed, 'mood', ref));
  const candidates = DESTINATIONS.filter((destination) => destination.mood === mood);
  return candidates[Math.floor(draw(seed, 'destination', ref) * candidates.length)]!;
}

/** What becomes of one request, or of one connection. */
export type Fate =
  | 'answer 200'
  | 'answer 200 late'
  | 'answer 200, then cut'
  | 'answer 200, 1 GB'
  | 'answer 200, dripping'
  | 'answer 302'
  | 'answer 410'
  | 'answer 429'
  | 'answer 500'
  | 'answer 500, 1 GB'
  | 'answer 503'
  | 'drip the head'
  | 'garbage'
  | 'hang'
  | 'hang up at once'
  | 'reset before reading'
  | 'reset midway'
  | 'reset after reading';

const FATES: readonly (readonly [Fate, number])[] = [
  ['answer 200', 46],
  ['answer 200 late', 5],
  ['answer 200, then cut', 3],
  ['answer 200, 1 GB', 1],
  ['answer 200, dripping', 1],
  ['answer 302', 4],
  ['answer 429', 2],
  ['answer 500', 9],
  ['answer 500, 1 GB', 1],
  ['answer 503', 3],
  ['drip the head', 1],
  ['garbage', 5],
  ['hang', 1],
  ['reset before reading', 5],
  ['reset midway', 5],
  ['reset after reading', 6],
];

/** Of the connections of a flaky destination; the requests on the others meet their own fates. */
const HANG_UP_SHARE = 0.03;
/** A moody destination answers for so long, then has a spell. */
const SPELL_EVERY_MS = 12_000;
const SPELL_MS = 5_000;

/** The fate of a connection before anything is read: undefined lets it go on. */
export function connectionFate(
  { seed, destination }: { seed: string; destination: Destination },
  ordinal: number,
): Fate | undefined {
  if (destination.mood !== 'flaky') return undefined;
  const share = draw(seed, 'connection', destination.name, ordinal);
  return share < HANG_UP_SHARE ? 'hang up at once' : undefined;
}

/** The fate of the so many-th request about a session. */
export function requestFate(
  { seed, destination }: { seed: string; destination: Destination },
  request: { ref: string; ordinal: number; sinceStartMs: number },
): Fate {
  const { ref, ordinal, sinceStartMs } = request;
  if (destination.mood === 'gone') return 'answer 410';
  if (destination.mood === 'flaky') return pick(FATES, draw(seed, 'fate', ref, ordinal));
  if (destination.mood === 'healthy') return 'answer 200';
  const inTurn = sinceStartMs % SPELL_EVERY_MS;
  if (inTurn < SPELL_EVERY_MS - SPELL_MS) return 'answer 200';
  const spell = Math.floor(sinceStartMs / SPELL_EVERY_MS);
  return draw(seed, 'spell', destination.name, spell) < 0.5 ? 'hang' : 'reset before reading';
}

function named(mood: Mood, count: number): readonly Destination[] {
  return Array.from({ length: count }, (_, at) => ({ name: `${mood}-${at + 1}`, mood }));
}
