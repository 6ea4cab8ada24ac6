/** The leaves from `start` up to before `end`. */
export interface LeafRange {
  readonly start: number;
  readonly end: number;
}

/** A complete subtree: the leaves from index × 2^height up to before (index + 1) × 2^height. */
export interface Subtree {
  readonly height: number;
  readonly index: number;
}

/**
 * The ranges whose roots are the inclusion proof of a leaf in the tree of this size, in the order of
 * the proof: from the leaf up (RFC 6962 §2.1.1).
 */
export function inclusionRanges({ index, size }: { index: number; size: number }): LeafRange[] {
  const path: LeafRange[] = [];
  let start = 0;
  let end = size;
  while (end - start > 1) {
    const middle = start + largestPowerBelow(end - start);
    if (index < middle) {
      path.push({ start: middle, end });
      end = middle;
    } else {
      path.push({ start, end: middle });
      start = middle;
    }
  }
  return path.reverse();
}

/**
 * The ranges whose roots are the consistency proof between the trees of two sizes, in the order of the
 * proof (RFC 6962 §2.1.2). None when the sizes are equal or the first is 0.
 */
export function consistencyRanges(sizes: { fromSize: number; toSize: number }): LeafRange[] {
  const { fromSize, toSize } = sizes;
  if (fromSize === 0) return [];
  const path: LeafRange[] = [];
  let start = 0;
  let end = toSize;
  while (end > fromSize) {
    const middle = start + largestPowerBelow(end - start);
    if (fromSize <= middle) {
      path.push({ start: middle, end });
      end = middle;
    } else {
      path.push({ start, end: middle });
      start = middle;
    }
  }
  // A subtree that begins with the first leaf is the older tree: whoever checks has its root.
  if (start > 0) path.push({ start, end });
  return path.reverse();
}

/**
 * The complete subtrees that make up a range, largest first. The range must begin where a tree of its
 * length can begin, as the ranges above do.
 */
export function completeSubtrees({ start, end }: LeafRange): Subtree[] {
  const subtrees: Subtree[] = [];
  let next = start;
  for (let height = Math.floor(Math.log2(end - start)) + 1; next < end; height -= 1) {
    const leaves = 2 ** height;
    if (leaves > end - next) continue;
    subtrees.push({ height, index: next / leaves });
    next += leaves;
  }
  return subtrees;
}

/** The largest power of two that is smaller than a number above 1. */
function largestPowerBelow(count: number): number {
  let power = 1;
  while (power * 2 < count) power *= 2;
  return power;
}
