import { utf8Text } from '../lib/bytes.js';
import type { LogStore } from './log-store.js';
import { printBundle } from './merkle/entry-bundle.js';
import {
  completeSubtrees,
  consistencyRanges,
  inclusionRanges,
  type LeafRange,
  type Subtree,
} from './merkle/ranges.js';
import { TILE_WIDTH } from './merkle/tile.js';
import { rootOf } from './merkle/tree-hash.js';
import { readLeaves } from './stored-leaves.js';
import { createStoredTiles, type StoredTiles, type TilePlace } from './stored-tiles.js';

const HEIGHT_OF_LEVEL = 8;
const HIGHEST_LEVEL = 63;

/**
 * Reads the log of a store as a Merkle tree. Of leaves that it has used before, nothing is read again.
 * Every method rejects with a RangeError for what lies beyond the end of the log or is no place in it.
 */
export interface TreeReader {
  /** Hashes of 32 bytes from the leaf up (RFC 6962 §2.1.1). */
  inclusionProof(leaf: { index: number; size: number }): Promise<readonly Uint8Array[]>;
  /** Hashes of 32 bytes (RFC 6962 §2.1.2); none when the sizes are equal or the first is 0. */
  consistencyProof(sizes: { fromSize: number; toSize: number }): Promise<readonly Uint8Array[]>;
  /** Merkle tree hash of the first `size` leaves, 32 bytes. */
  rootHash(size: number): Promise<Uint8Array>;
  /** C2SP tlog-tiles: `width` hashes of 32 bytes. */
  tile(place: TilePlace): Promise<Uint8Array>;
  /** C2SP tlog-tiles: the entry bundle of `width` leaves from index × 256 on. */
  bundle(place: { index: number; width: number }): Promise<Uint8Array>;
  /** The text of a leaf. */
  leaf(index: number): Promise<string>;
}

export function createTreeReader(log: Pick<LogStore, 'readSegments' | 'readNodes'>): TreeReader {
  const tiles = createStoredTiles(log);

  /** A proof may rest on a part of the tree only: the whole must be there. */
  async function requireSize(size: number): Promise<void> {
    if (size > 0) await subtreeRoot(tiles, { height: 0, index: size - 1 });
  }

  async function roots(ranges: readonly LeafRange[]): Promise<readonly Uint8Array[]> {
    const hashes: Uint8Array[] = [];
    for (const range of ranges) hashes.push(await rangeRoot(tiles, range));
    return hashes;
  }

  async function leaves(from: number, count: number): Promise<readonly Uint8Array[]> {
    const found: Uint8Array[] = [];
    for await (const some of readLeaves(log, { from, count })) found.push(...some);
    if (found.length < count) throw new RangeError('the log ends before these leaves do');
    return found;
  }

  return {
    inclusionProof: async ({ index, size }) => {
      requirePlace(size);
      requirePlace(index, size - 1);
      await requireSize(size);
      return await roots(inclusionRanges({ index, size }));
    },
    consistencyProof: async ({ fromSize, toSize }) => {
      requirePlace(toSize);
      requirePlace(fromSize, toSize);
      await requireSize(toSize);
      return await roots(consistencyRanges({ fromSize, toSize }));
    },
    rootHash: async (size) => {
      requirePlace(size);
      return await rangeRoot(tiles, { start: 0, end: size });
    },
    tile: async (place) => {
      const { level, index, width } = place;
      requirePlace(level, HIGHEST_LEVEL);
      requirePlace(index, Number.MAX_SAFE_INTEGER / TILE_WIDTH);
      requirePlace(width - 1, TILE_WIDTH - 1);
      return (tiles.cached(place) ?? (await tiles.load(place))).bytes(width);
    },
    bundle: async ({ index, width }) => {
      requirePlace(index, Number.MAX_SAFE_INTEGER / TILE_WIDTH);
      requirePlace(width - 1, TILE_WIDTH - 1);
      return printBundle(await leaves(index * TILE_WIDTH, width));
    },
    leaf: async (index) => {
      requirePlace(index);
      const [leaf] = await leaves(index, 1);
      return utf8Text(leaf ?? new Uint8Array(0));
    },
  };
}

/** A copy, for the caller may do with it what it likes. */
async function rangeRoot(tiles: StoredTiles, range: LeafRange): Promise<Uint8Array> {
  const hashes: Uint8Array[] = [];
  for (const subtree of completeSubtrees(range)) hashes.push(await subtreeRoot(tiles, subtree));
  return rootOf(hashes).slice();
}

async function subtreeRoot(tiles: StoredTiles, { height, index }: Subtree): Promise<Uint8Array> {
  const heightInTile = height % HEIGHT_OF_LEVEL;
  const hashes = 2 ** heightInTile;
  const subtreesPerTile = TILE_WIDTH / hashes;
  const indexInTile = index % subtreesPerTile;
  const place = {
    level: Math.floor(height / HEIGHT_OF_LEVEL),
    index: Math.floor(index / subtreesPerTile),
    width: (indexInTile + 1) * hashes,
  };
  const tile = tiles.cached(place) ?? (await tiles.load(place));
  return tile.node(heightInTile, indexInTile);
}

function requirePlace(number: number, max = Number.MAX_SAFE_INTEGER): void {
  if (!Number.isSafeInteger(number) || number < 0 || number > max)
    throw new RangeError('this is no place in the log');
}
