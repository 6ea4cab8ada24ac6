import type { LogStore } from './log-store.js';
import { TILE_WIDTH, Tile } from './merkle/tile.js';
import { leafHash } from './merkle/tree-hash.js';
import { readLeaves } from './stored-leaves.js';

/** 45 MB at most: all tiles of the newest million leaves, or of those that are asked for most. */
const CACHED_TILES = 4_096;

/** Which tile, and how much of it: C2SP tlog-tiles. */
export interface TilePlace {
  readonly level: number;
  readonly index: number;
  /** 1 to 256. */
  readonly width: number;
}

/** The tiles of a stored log. */
export interface StoredTiles {
  /** The tile when it is in memory, that wide. */
  cached(place: TilePlace): Tile | undefined;
  /** Reads what is missing of it. Throws a RangeError when the log ends before. */
  load(place: TilePlace): Promise<Tile>;
}

/**
 * Keeps the tiles that were used last. A log only grows, so what was read stays true and a tile at the
 * right end is continued where it ended.
 */
export function createStoredTiles(log: Pick<LogStore, 'readSegments' | 'readNodes'>): StoredTiles {
  const tiles = new Map<string, Tile>();
  /** What is being read, by place: those who need the same tile at once wait for one reading. */
  const readings = new Map<string, Promise<Tile>>();

  function use(place: TilePlace): Tile | undefined {
    const name = nameOf(place);
    const tile = tiles.get(name);
    if (tile === undefined) return undefined;
    // The map is in the order of use.
    tiles.delete(name);
    tiles.set(name, tile);
    return tile;
  }

  /** What holds nothing is not kept: places beyond the end could push out what is used. */
  function keep(place: TilePlace, tile: Tile): void {
    if (tile.width === 0) return;
    tiles.set(nameOf(place), tile);
    const [longestUnused] = tiles.keys();
    if (tiles.size > CACHED_TILES && longestUnused !== undefined) tiles.delete(longestUnused);
  }

  function read(place: TilePlace): Promise<Tile> {
    const name = nameOf(place);
    const reading = readings.get(name) ?? completed(place).finally(() => readings.delete(name));
    readings.set(name, reading);
    return reading;
  }

  async function completed(place: TilePlace): Promise<Tile> {
    const tile = use(place) ?? new Tile();
    if (tile.width < place.width) await complete(log, tile, place);
    keep(place, tile);
    return tile;
  }

  return {
    cached: (place) => {
      const tile = use(place);
      return tile !== undefined && tile.width >= place.width ? tile : undefined;
    },
    load: async (place) => {
      // The log may have grown since a reading began that was under way already.
      const joined = await readings.get(nameOf(place));
      const tile = joined !== undefined && joined.width >= place.width ? joined : await read(place);
      if (tile.width < place.width) throw new RangeError('the log ends before this tile does');
      return tile;
    },
  };
}

function nameOf({ level, index }: TilePlace): string {
  return `${level.toString()}/${index.toString()}`;
}

/** Others may continue the same tile meanwhile: a hash is appended only in its own place. */
async function complete(
  log: Pick<LogStore, 'readSegments' | 'readNodes'>,
  tile: Tile,
  { level, index }: TilePlace,
): Promise<void> {
  let position = tile.width;
  const from = index * TILE_WIDTH + position;
  const count = TILE_WIDTH - position;
  for await (const hashes of readHashes(log, { level, from, count }))
    for (const hash of hashes) {
      if (position === tile.width) tile.append(hash);
      position += 1;
    }
}

async function* readHashes(
  log: Pick<LogStore, 'readSegments' | 'readNodes'>,
  { level, from, count }: { level: number; from: number; count: number },
): AsyncGenerator<readonly Uint8Array[]> {
  if (level === 0) {
    for await (const leaves of readLeaves(log, { from, count })) yield leaves.map(leafHash);
    return;
  }
  const nodes = await log.readNodes({ level, index: from }, count);
  if (nodes.some(({ index }, offset) => index !== from + offset))
    throw new Error(
      `hashes of the log are missing in the database (level ${level.toString()}, from ${from.toString()} on): see \`lethe log verify\``,
    );
  yield nodes.map(({ hash }) => hash);
}
