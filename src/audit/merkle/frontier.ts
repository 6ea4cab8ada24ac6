import type { LogNode } from '../log-store.js';
import { HASH_BYTES, nodeHash, rootOf } from './tree-hash.js';

/** C2SP tlog-tiles: a node is stored for every 8 levels of the binary tree, over 256^level leaves. */
const HEIGHT_OF_LEVEL = 8;

/** Root of a complete subtree over 2^height leaves. */
interface Subtree {
  readonly height: number;
  readonly hash: Uint8Array;
}

/**
 * The right edge of the tree: the roots of the complete subtrees that it consists of, one for every
 * 1 in the binary form of its size. It is all that is needed to append leaves and to know the root.
 */
export class Frontier {
  #size: number;
  /** Largest first. */
  readonly #subtrees: Subtree[];

  private constructor(size: number, subtrees: Subtree[]) {
    this.#size = size;
    this.#subtrees = subtrees;
  }

  /** Of a tree without leaves. */
  static empty(): Frontier {
    return new Frontier(0, []);
  }

  /**
   * Reads what {@link bytes} wrote for a tree of this size. Throws a RangeError when the size is no
   * whole number or the bytes are not as many hashes as its binary form has ones.
   */
  static parse({ size, bytes }: { size: number; bytes: Uint8Array }): Frontier {
    const heights = heightsOf(size);
    if (bytes.byteLength !== heights.length * HASH_BYTES)
      throw new RangeError('the frontier of the log does not fit its size');
    const subtrees = heights.map((height, index) => ({
      height,
      hash: Uint8Array.from(bytes.subarray(index * HASH_BYTES, (index + 1) * HASH_BYTES)),
    }));
    return new Frontier(size, subtrees);
  }

  /** Number of leaves. */
  get size(): number {
    return this.#size;
  }

  /** Appends a leaf by its hash; returns the nodes that it completed, lowest first: mostly none. */
  append(leafHash: Uint8Array): readonly LogNode[] {
    const completed: LogNode[] = [];
    let joined: Subtree = { height: 0, hash: leafHash };
    this.#size += 1;
    while (this.#subtrees.at(-1)?.height === joined.height) {
      joined = join(this.#subtrees.pop(), joined);
      if (joined.height % HEIGHT_OF_LEVEL === 0)
        completed.push({
          level: joined.height / HEIGHT_OF_LEVEL,
          index: this.#size / 2 ** joined.height - 1,
          hash: joined.hash,
        });
    }
    this.#subtrees.push(joined);
    return completed;
  }

  /** Merkle tree hash of all leaves, 32 bytes (RFC 6962 §2.1). */
  root(): Uint8Array {
    return rootOf(this.#subtrees.map(({ hash }) => hash));
  }

  /** The roots one after the other, largest subtree first, 32 bytes each. */
  bytes(): Uint8Array {
    const bytes = new Uint8Array(this.#subtrees.length * HASH_BYTES);
    for (const [index, { hash }] of this.#subtrees.entries()) bytes.set(hash, index * HASH_BYTES);
    return bytes;
  }
}

function join(left: Subtree | undefined, right: Subtree): Subtree {
  if (left === undefined) return right;
  return { height: right.height + 1, hash: nodeHash(left.hash, right.hash) };
}

/** Where the binary form of the size has ones, highest first. */
function heightsOf(size: number): readonly number[] {
  if (!Number.isSafeInteger(size) || size < 0)
    throw new RangeError('the size of the log is no whole number');
  const heights: number[] = [];
  for (let height = 0, left = size; left > 0; height += 1, left = Math.floor(left / 2))
    if (left % 2 === 1) heights.push(height);
  return heights.reverse();
}
