import {
  completeSubtrees,
  consistencyRanges,
  type LeafRange,
  type Subtree,
} from '../merkle/ranges.js';
import { TILE_WIDTH } from '../merkle/tile.js';
import { HASH_BYTES, nodeHash, rootOf } from '../merkle/tree-hash.js';
import type { LogSource } from './log-source.js';
import { printTilePath } from './tile-path.js';

const HEIGHT_OF_LEVEL = 8;

/** A tile that a proof needs is not there, or not of its length. */
export class TileMissingError extends Error {
  override readonly name = 'TileMissingError';
  readonly path: string;

  constructor(path: string) {
    super(`${path} is missing or not of its length`);
    this.path = path;
  }
}

/** Hashes out of the tiles of a published log; they are only as good as the tiles. */
export interface PublishedTree {
  /** RFC 6962 §2.1.2, up to the end of the tree, 32 bytes each. */
  consistencyPath(fromSize: number): Promise<readonly Uint8Array[]>;
  /** Merkle tree hash of the first `size` leaves, 32 bytes. */
  rootHash(size: number): Promise<Uint8Array>;
}

/**
 * The tree of a published log with this many leaves: fetches each tile that it needs once, and no
 * other. Methods reject with {@link TileMissingError}.
 */
export function publishedTree(source: LogSource, size: number): PublishedTree {
  const tiles = new Map<string, Promise<Uint8Array>>();

  function tile(level: number, index: number): Promise<Uint8Array> {
    const hashes = Math.floor(size / TILE_WIDTH ** level) - index * TILE_WIDTH;
    const width = Math.min(TILE_WIDTH, hashes);
    const path = printTilePath({ level, index, width });
    const known = tiles.get(path) ?? fetchTile(source, path, width);
    tiles.set(path, known);
    return known;
  }

  async function subtreeRoot({ height, index }: Subtree): Promise<Uint8Array> {
    const count = 2 ** (height % HEIGHT_OF_LEVEL);
    const first = index * count;
    const tileIndex = Math.floor(first / TILE_WIDTH);
    const bytes = await tile(Math.floor(height / HEIGHT_OF_LEVEL), tileIndex);
    const at = (first - tileIndex * TILE_WIDTH) * HASH_BYTES;
    return joined(bytes.subarray(at, at + count * HASH_BYTES));
  }

  async function rangeRoot(range: LeafRange): Promise<Uint8Array> {
    return rootOf(await Promise.all(completeSubtrees(range).map(subtreeRoot)));
  }

  return {
    consistencyPath: (fromSize) =>
      Promise.all(consistencyRanges({ fromSize, toSize: size }).map(rangeRoot)),
    rootHash: (end) => rangeRoot({ start: 0, end }),
  };
}

async function fetchTile(source: LogSource, path: string, width: number): Promise<Uint8Array> {
  const bytes = await source.resource(path);
  if (bytes?.byteLength !== width * HASH_BYTES) throw new TileMissingError(path);
  return bytes;
}

/** Root over hashes whose number is a power of two. */
function joined(hashes: Uint8Array): Uint8Array {
  if (hashes.byteLength === HASH_BYTES) return hashes;
  const middle = hashes.byteLength / 2;
  return nodeHash(joined(hashes.subarray(0, middle)), joined(hashes.subarray(middle)));
}
