import type { LogStore } from './log-store.js';
import { parseBundle } from './merkle/entry-bundle.js';

/** A busy log has some hundred leaves in a segment, an idle one a single leaf. */
const FIRST_READ_SEGMENTS = 2;
const GROWTH = 8;

/**
 * Reads at most `count` leaves from an index on, a list for each segment: in one read when they are in
 * few segments or at the end of the log. Ends early where the log ends. Throws when the segments do
 * not join or do not hold as many leaves as they say.
 */
export async function* readLeaves(
  log: Pick<LogStore, 'readSegments'>,
  { from, count }: { from: number; count: number },
): AsyncGenerator<readonly Uint8Array[]> {
  const end = from + count;
  let next = from;
  let limit = FIRST_READ_SEGMENTS;
  while (next < end) {
    limit = Math.min(limit, end - next);
    const segments = await log.readSegments(next, limit);
    for (const { start, size, bundle } of segments) {
      const leaves = parseBundle(bundle);
      const isJoined = start === next || (next === from && start < next);
      if (leaves?.length !== size - start || size <= next || !isJoined)
        throw new Error(
          `the leaves of the log from ${start.toString()} on are damaged in the database: see \`lethe log verify\``,
        );
      yield leaves.slice(next - start, end - start);
      next = size;
      if (next >= end) return;
    }
    if (segments.length < limit) return;
    limit *= GROWTH;
  }
}
