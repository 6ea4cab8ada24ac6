import { TILE_WIDTH } from '../merkle/tile.js';

const PATH =
  /^tile\/(?<level>entries|\d|[1-5]\d|6[0-3])\/(?<index>(?:x\d{3}\/){0,5}\d{3})(?:\.p\/(?<width>[1-9]\d{0,2}))?$/;

/** A resource of a tiled log, without the name of the log before it. */
export interface TilePath {
  /** 0 to 63 for hashes; `entries` for the leaves themselves. */
  readonly level: number | 'entries';
  readonly index: number;
  /** How many hashes or leaves it holds: 256 when it is full, else 1 to 255. */
  readonly width: number;
}

/**
 * The path of a tile or entry bundle (C2SP tlog-tiles): the index in groups of three digits, an `x`
 * before all but the last.
 *
 * ```text
 * tile/0/000.p/7    tile/1/x001/x234/067    tile/entries/x001/000.p/255
 * ```
 */
export function printTilePath({ level, index, width }: TilePath): string {
  const suffix = width === TILE_WIDTH ? '' : `.p/${width.toString()}`;
  return `tile/${level.toString()}/${printIndex(index)}${suffix}`;
}

/** Reads exactly what {@link printTilePath} writes; undefined for anything else. */
export function parseTilePath(text: string): TilePath | undefined {
  const { level = '', index = '', width } = PATH.exec(text)?.groups ?? {};
  const path = {
    level: level === 'entries' ? level : Number(level),
    index: Number(index.replace(/[x/]/g, '')),
    width: width === undefined ? TILE_WIDTH : Number(width),
  } as const;
  // Only one spelling: an index without needless groups, and a full tile without a width.
  return isPlace(path) && printTilePath(path) === text ? path : undefined;
}

/**
 * The tiles of hashes and the entry bundles of a log with this many leaves, bundles first, then level
 * by level: the full ones, and the partial one at the end (C2SP tlog-tiles).
 */
export function* tilePathsOf(size: number): Generator<TilePath> {
  yield* pathsOfLevel('entries', size);
  for (let level = 0, count = size; count > 0; level += 1) {
    yield* pathsOfLevel(level, count);
    count = Math.floor(count / TILE_WIDTH);
  }
}

function* pathsOfLevel(level: TilePath['level'], count: number): Generator<TilePath> {
  for (let index = 0; index * TILE_WIDTH < count; index += 1)
    yield { level, index, width: Math.min(TILE_WIDTH, count - index * TILE_WIDTH) };
}

function printIndex(index: number): string {
  const digits = index.toString();
  const groups = digits.padStart(Math.ceil(digits.length / 3) * 3, '0').match(/.{3}/g) ?? [];
  return groups.map((group, at) => (at < groups.length - 1 ? `x${group}` : group)).join('/');
}

function isPlace({ index, width }: TilePath): boolean {
  return Number.isSafeInteger(index) && width <= TILE_WIDTH;
}
