import type { Cosignature, LogStore } from '../log-store.js';
import type { Policy } from '../offline/policy.js';

/** Several times as many as there are witnesses of one checkpoint. */
const PAGE_COSIGNATURES = 512;
/** Of them the first search reads at most so many. */
const PAGES = 32;
/** How far the second search goes back first, in leaves, and how much further each time. */
const BACK_LEAVES = 64;
const BACK_FACTOR = 8;

interface Deps {
  readonly log: Pick<LogStore, 'readCosignatures' | 'findLargestCosigned'>;
  readonly policy: Policy;
}

/** What one page tells of the sizes from `from` up to, and without, `nextFrom`. */
interface Stretch {
  /** Sizes of the checkpoints that have the quorum, smallest first. */
  readonly settled: readonly number[];
  /** Undefined when nothing comes after. */
  readonly nextFrom: number | undefined;
}

/**
 * The size of the first checkpoint of at least `fromSize` that the quorum has cosigned; undefined when
 * the next 16,384 cosignatures make none. The answer stays the same while the log grows.
 */
export async function firstWithQuorum(deps: Deps, fromSize: number): Promise<number | undefined> {
  let from: number | undefined = fromSize;
  for (let pages = 0; pages < PAGES && from !== undefined; pages += 1) {
    const { settled, nextFrom }: Stretch = await readStretch(deps, from);
    if (settled.length > 0) return settled[0];
    from = nextFrom;
  }
  return undefined;
}

/**
 * The size of the newest checkpoint that the quorum has cosigned. Goes back in growing steps, one page
 * each, then forward by halves to where the quorum was lost: where it has been missing for hundreds of
 * checkpoints, a shorter time in which it was back may be passed over.
 */
export async function newestWithQuorum(deps: Deps): Promise<number | undefined> {
  const last = await deps.log.findLargestCosigned();
  if (last === undefined) return undefined;
  let unsettledFrom = last + 1;
  for (let back = 0; unsettledFrom > 0; back = Math.max(BACK_LEAVES, back * BACK_FACTOR)) {
    const from = Math.max(0, last - back);
    const { settled, nextFrom } = await readStretch(deps, from);
    const newest = settled.at(-1);
    if (newest !== undefined)
      return await newestBetween(deps, { newest, from: nextFrom, unsettledFrom });
    unsettledFrom = from;
  }
  return undefined;
}

/** The newest is known to have the quorum, and what comes from `unsettledFrom` on not to. */
async function newestBetween(
  deps: Deps,
  known: { newest: number; from: number | undefined; unsettledFrom: number },
): Promise<number> {
  let { newest, from, unsettledFrom } = known;
  while (from !== undefined && from < unsettledFrom) {
    const middle: number = Math.floor((from + unsettledFrom) / 2);
    const { settled, nextFrom }: Stretch = await readStretch(deps, middle);
    if (settled.length === 0) unsettledFrom = middle;
    else [newest, from] = [settled.at(-1) ?? newest, nextFrom];
  }
  return newest;
}

async function readStretch({ log, policy }: Deps, from: number): Promise<Stretch> {
  const page = await log.readCosignatures(from, PAGE_COSIGNATURES);
  const nextFrom = endOf(page);
  const witnessesOf = new Map<number, Set<string>>();
  for (const { size, witness } of page) {
    const witnesses = witnessesOf.get(size) ?? new Set();
    witnessesOf.set(size, witnesses.add(witness));
  }
  const settled = [...witnessesOf]
    .filter(([size, witnesses]) => size < (nextFrom ?? Infinity) && policy.isQuorum(witnesses))
    .map(([size]) => size);
  return { settled, nextFrom };
}

/** A full page may lack cosignatures of its last size; when it has no other, it has enough of that. */
function endOf(page: readonly Cosignature[]): number | undefined {
  const last = page.length < PAGE_COSIGNATURES ? undefined : page.at(-1);
  if (last === undefined) return undefined;
  return page[0]?.size === last.size ? last.size + 1 : last.size;
}
