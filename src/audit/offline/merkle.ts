import { concat, equal } from './bytes.js';
import type { Primitives } from './primitives.js';

const LEAF = Uint8Array.of(0x00);
const NODE = Uint8Array.of(0x01);

/** A leaf's place in a tree. */
export interface Inclusion {
  readonly leafHash: Uint8Array;
  /** From 0. */
  readonly index: number;
  /** Number of leaves. */
  readonly size: number;
  /** From the sibling of the leaf up to the child of the root, 32 bytes each. */
  readonly path: readonly Uint8Array[];
}

/** Two trees, of which the first is said to be the beginning of the second. */
export interface Consistency {
  readonly fromSize: number;
  readonly fromRoot: Uint8Array;
  readonly toSize: number;
  readonly toRoot: Uint8Array;
  /** RFC 9162 §2.1.4, 32 bytes each. */
  readonly path: readonly Uint8Array[];
}

/** The hash of a leaf, 32 bytes: SHA-256(0x00 ‖ leaf) (RFC 6962 §2.1). */
export async function leafHash(primitives: Primitives, leaf: Uint8Array): Promise<Uint8Array> {
  return await primitives.sha256(concat(LEAF, leaf));
}

/** The hash of two subtrees, 32 bytes: SHA-256(0x01 ‖ left ‖ right) (RFC 6962 §2.1). */
export async function nodeHash(
  primitives: Primitives,
  left: Uint8Array,
  right: Uint8Array,
): Promise<Uint8Array> {
  return await primitives.sha256(concat(NODE, left, right));
}

/**
 * The root of the only tree of this size in which the leaf can have this place by this path;
 * undefined when no tree has such a place, or a path of another length (RFC 9162 §2.1.3.2).
 */
export async function rootFromInclusion(
  primitives: Primitives,
  { leafHash: leaf, index, size, path }: Inclusion,
): Promise<Uint8Array | undefined> {
  if (!isCount(index) || !isCount(size) || index >= size) return undefined;
  const sides = siblingSides(index, size - 1);
  if (sides.length !== path.length) return undefined;
  let hash = leaf;
  for (const [step, sibling] of path.entries())
    hash = await joined(primitives, sides[step], { hash, sibling });
  return hash;
}

/**
 * Whether the path shows that the second tree begins with all leaves of the first (RFC 9162
 * §2.1.4.2). Every tree begins with the empty one, whose root is SHA-256 of nothing, by an empty path;
 * a tree with itself too.
 */
export async function verifyConsistency(
  primitives: Primitives,
  { fromSize, fromRoot, toSize, toRoot, path }: Consistency,
): Promise<boolean> {
  if (!isCount(fromSize) || !isCount(toSize) || fromSize > toSize) return false;
  if (fromSize === toSize) return path.length === 0 && equal(fromRoot, toRoot);
  if (fromSize === 0)
    return path.length === 0 && equal(fromRoot, await primitives.sha256(new Uint8Array(0)));
  return await verifyGrowth(primitives, { fromSize, fromRoot, toSize, toRoot, path });
}

/**
 * Of two trees that are neither empty nor of one size: the path is what both roots have in common with
 * the last complete subtree of the first, so it gives both.
 */
async function verifyGrowth(
  primitives: Primitives,
  { fromSize, fromRoot, toSize, toRoot, path }: Consistency,
): Promise<boolean> {
  let at = fromSize - 1;
  let last = toSize - 1;
  while (isOdd(at)) [at, last] = [half(at), half(last)];
  // When the first tree is itself a complete subtree, its root is not repeated in the path.
  const [seed, ...siblings] = at === 0 ? [fromRoot, ...path] : path;
  const sides = siblingSides(at, last);
  if (seed === undefined || sides.length !== siblings.length) return false;
  let from = seed;
  let to = seed;
  for (const [step, sibling] of siblings.entries()) {
    const side = sides[step];
    if (side === 'left') from = await joined(primitives, side, { hash: from, sibling });
    to = await joined(primitives, side, { hash: to, sibling });
  }
  return equal(from, fromRoot) && equal(to, toRoot);
}

type Side = 'left' | 'right';

/** On which side each sibling is on the way from a node to the root, in a level that ends at `last`. */
function siblingSides(index: number, last: number): readonly Side[] {
  const sides: Side[] = [];
  let at = index;
  let end = last;
  while (end > 0) {
    // A last node without a sibling stands as it is one level up.
    if (at === end) while (!isOdd(at)) [at, end] = [half(at), half(end)];
    sides.push(isOdd(at) ? 'left' : 'right');
    [at, end] = [half(at), half(end)];
  }
  return sides;
}

async function joined(
  primitives: Primitives,
  side: Side | undefined,
  { hash, sibling }: { hash: Uint8Array; sibling: Uint8Array },
): Promise<Uint8Array> {
  return await (side === 'left'
    ? nodeHash(primitives, sibling, hash)
    : nodeHash(primitives, hash, sibling));
}

function isCount(value: number): boolean {
  return Number.isSafeInteger(value) && value >= 0;
}

function isOdd(value: number): boolean {
  return value % 2 === 1;
}

/** Sizes go beyond the 32 bits of a shift. */
function half(value: number): number {
  return Math.floor(value / 2);
}
