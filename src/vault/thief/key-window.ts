import { SecretBytes } from '../../crypto/secret-bytes.js';
import { KEY_BYTES } from '../tree/key-node.js';

/** Shows 32 bytes of larger secrets one after the other as a key; only the last one stays, until wiped. */
export class KeyWindow {
  readonly #bytes: Uint8Array;
  readonly #key: SecretBytes;

  constructor() {
    const buffer = new ArrayBuffer(KEY_BYTES);
    this.#bytes = new Uint8Array(buffer);
    this.#key = SecretBytes.own(buffer);
  }

  /** The key is what it is until the next call; nobody wipes it. */
  show(bytes: Uint8Array, atByte: number): SecretBytes {
    this.#bytes.set(bytes.subarray(atByte, atByte + KEY_BYTES));
    return this.#key;
  }

  wipe(): void {
    this.#key.wipe();
  }
}

/**
 * Every 32 bytes that could be a random key, each `strideBytes` after the one before. Passed over is
 * what holds eight zeros in a word of eight bytes or the same word twice in a row: of random keys one
 * in 2^61.
 */
export function* windowsIn(bytes: Uint8Array, strideBytes: number): Generator<number> {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  for (let at = 0; at + KEY_BYTES <= bytes.byteLength; at += strideBytes)
    if (mayBeKey(view, at)) yield at;
}

function mayBeKey(view: DataView, at: number): boolean {
  let lastHigh = 0;
  let lastLow = 0;
  for (let word = at; word < at + KEY_BYTES; word += 8) {
    const high = view.getUint32(word);
    const low = view.getUint32(word + 4);
    if ((high === 0 && low === 0) || (high === lastHigh && low === lastLow)) return false;
    lastHigh = high;
    lastLow = low;
  }
  return true;
}
