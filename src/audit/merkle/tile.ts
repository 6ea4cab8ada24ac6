import { HASH_BYTES, nodeHash } from './tree-hash.js';

/** C2SP tlog-tiles: so many hashes make a full tile. */
export const TILE_WIDTH = 256;

/**
 * Where the hashes of every other height begin: 256 at height 0, 64 at height 2, 16 at 4, 4 at 6. The
 * heights between are one hash away, and to leave them out saves a third of the memory.
 */
const FIRST_AT = [0, TILE_WIDTH, TILE_WIDTH + 64, TILE_WIDTH + 80] as const;
const KEPT_HASHES = TILE_WIDTH + 84;

/** A tile with the roots of the subtrees in it: 10,880 bytes. It grows at its right end only. */
export class Tile {
  readonly #hashes = new Uint8Array(KEPT_HASHES * HASH_BYTES);
  #width = 0;

  /** Number of hashes, at most 256. */
  get width(): number {
    return this.#width;
  }

  /** Appends the hash that comes next. Throws a RangeError when the tile is full. */
  append(hash: Uint8Array): void {
    if (this.#width === TILE_WIDTH) throw new RangeError('a tile holds 256 hashes');
    this.#hashes.set(hash, this.#width * HASH_BYTES);
    this.#width += 1;
    for (const [kept, first] of FIRST_AT.entries()) {
      const leaves = 4 ** kept;
      if (this.#width % leaves !== 0) return;
      if (kept === 0) continue;
      const index = this.#width / leaves - 1;
      this.#hashes.set(this.#joined(2 * kept, index), (first + index) * HASH_BYTES);
    }
  }

  /**
   * Root of the complete subtree over 2^height hashes from index × 2^height on, height 0 to 7: 32 bytes,
   * which the caller must not change. The tile must be that wide.
   */
  node(height: number, index: number): Uint8Array {
    if (height % 2 === 1) return this.#joined(height, index);
    const at = ((FIRST_AT[height / 2] ?? 0) + index) * HASH_BYTES;
    return this.#hashes.subarray(at, at + HASH_BYTES);
  }

  /** The first hashes, 32 bytes each, as C2SP tlog-tiles serves them: a copy. */
  bytes(width: number): Uint8Array {
    return this.#hashes.slice(0, width * HASH_BYTES);
  }

  #joined(height: number, index: number): Uint8Array {
    return nodeHash(this.node(height - 1, 2 * index), this.node(height - 1, 2 * index + 1));
  }
}
