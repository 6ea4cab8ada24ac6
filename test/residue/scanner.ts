import { hash } from 'node:crypto';
import type { Shredded } from '../../src/vault/vault.js';

const KEY_BYTES = 32;
const CHUNK_BYTES = 1 << 20;
/** One random key in 10^8 has as many zero bytes, or as few bytes above 0x7f. */
const TOO_MANY_ZEROS = 6;
const TOO_FEW_HIGH = 1;

/** Hashes of secrets that should be gone, each of 32 bytes, base64url. */
export type Tombstones = Pick<Shredded, 'retiredRoots' | 'destroyedKeys'>;

/** 32 bytes that hash to a tombstone. */
export interface Hit {
  readonly hash: string;
  readonly offset: number;
}

/** Fills the buffer with the bytes at this offset and returns how many there were; 0 at the end. */
export type Read = (into: Uint8Array, offset: number) => number;

/** Whether 32 bytes that hash to a tombstone are anywhere that a key may be. */
export class Scanner {
  readonly #families: readonly Family[];
  readonly #strideBytes: number;

  /** Looks at every offset that the stride divides; a stride of 1 misses nothing. */
  constructor(tombstones: Tombstones, { strideBytes }: { strideBytes: number }) {
    this.#families = [
      family('rc', tombstones.retiredRoots),
      family('dc', tombstones.destroyedKeys),
    ].filter(({ hashes }) => hashes.size > 0);
    this.#strideBytes = strideBytes;
  }

  /** Every hit in the bytes from one offset up to another, or to where reading ends. */
  scan(read: Read, { from, to }: { from: number; to: number }): Hit[] {
    const hits: Hit[] = [];
    const buffer = new Uint8Array(CHUNK_BYTES + KEY_BYTES - 1);
    // Consecutive chunks overlap by one byte less than a key, so that each window is in one of them.
    for (let offset = from; offset < to; offset += CHUNK_BYTES) {
      const lengthBytes = read(
        buffer.subarray(0, Math.min(buffer.byteLength, to - offset)),
        offset,
      );
      this.#scanChunk(buffer.subarray(0, lengthBytes), offset, hits);
      if (lengthBytes < KEY_BYTES) break;
    }
    return hits;
  }

  #scanChunk(chunk: Uint8Array, at: number, hits: Hit[]): void {
    const stride = this.#strideBytes;
    const first = (stride - (at % stride)) % stride;
    const last = Math.min(chunk.byteLength - KEY_BYTES, CHUNK_BYTES - 1);
    for (let start = first; start <= last; start += stride) {
      if (!couldBeKey(chunk, start)) continue;
      for (const { message, hashes } of this.#families) {
        for (let byte = 0; byte < KEY_BYTES; byte += 1)
          message[PREFIX_BYTES + byte] = chunk[start + byte] ?? 0;
        const found = hash('sha256', message, 'base64url');
        if (hashes.has(found)) hits.push({ hash: found, offset: at + start });
      }
    }
  }
}

/** Tombstones of one prefix, and the buffer in which windows are put behind it. */
interface Family {
  readonly message: Uint8Array;
  readonly hashes: ReadonlySet<string>;
}

const PREFIX_BYTES = 2;

function family(prefix: 'rc' | 'dc', hashes: readonly string[]): Family {
  const message = new Uint8Array(PREFIX_BYTES + KEY_BYTES);
  message.set(Buffer.from(prefix));
  return { message, hashes: new Set(hashes) };
}

/** Most of a memory or a disk is zeros, text and pointers, and need not be hashed. */
function couldBeKey(bytes: Uint8Array, start: number): boolean {
  let zeros = 0;
  let high = 0;
  for (let at = start; at < start + KEY_BYTES; at += 1) {
    const byte = bytes[at] ?? 0;
    if (byte === 0 && (zeros += 1) === TOO_MANY_ZEROS) return false;
    high += byte >> 7;
  }
  return high > TOO_FEW_HIGH;
}
