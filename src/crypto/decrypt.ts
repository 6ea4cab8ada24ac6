import { createCipheriv, randomFillSync } from 'node:crypto';
import { equalBytes } from './compare.js';
import type { SecretBytes } from './secret-bytes.js';

const BLOCK_BYTES = 16;
/** The counter block of the first block of data (NIST SP 800-38D §7.2); 1 is that of the tag. */
const FIRST_COUNTER = 2;
const MASK_WORDS = 4_096;

/** What AES-256-GCM made of a plaintext. */
export interface Encrypted {
  /** 12 bytes. */
  readonly iv: Uint8Array;
  readonly aad: Uint8Array;
  readonly ciphertext: Uint8Array;
  /** 16 bytes. */
  readonly tag: Uint8Array;
}

/**
 * Opens AES-256-GCM (NIST SP 800-38D) under a 32-byte key; undefined when anything was changed. The
 * caller wipes the plaintext, and then no copy of it is left.
 *
 * Node's own decipher leaves one: it allocates a byte more than it needs, copies what it decrypted
 * and frees the first buffer as it is. So the cipher is given the ciphertext under a random mask,
 * which only comes off in a buffer of ours. The tag is checked by encrypting again, which puts out
 * nothing secret.
 */
export function decrypt(key: SecretBytes, encrypted: Encrypted): Uint8Array | undefined {
  const { iv, ciphertext, tag } = encrypted;
  const plaintext = decryptUnchecked(key, { iv, ciphertext, fromBlock: 0 });
  if (equalBytes(tag, tagOf(key, encrypted, plaintext))) return plaintext;
  plaintext.fill(0);
  return undefined;
}

/**
 * Decrypts a part of what {@link decrypt} opens, from a block of 16 bytes on, and checks nothing:
 * who changed a bit of the ciphertext changed that bit of the plaintext. For what proves itself.
 */
export function decryptUnchecked(
  key: SecretBytes,
  part: { iv: Uint8Array; ciphertext: Uint8Array; fromBlock: number },
): Uint8Array {
  const mask = drawMask(part.ciphertext.byteLength);
  const masked = xor(mask, part.ciphertext);
  const counter = new DataView(new ArrayBuffer(BLOCK_BYTES));
  new Uint8Array(counter.buffer).set(part.iv);
  counter.setUint32(BLOCK_BYTES - 4, FIRST_COUNTER + part.fromBlock);
  const plaintext = xor(mask, applyKeystream(key, new Uint8Array(counter.buffer), masked));
  // Either of the two would take the mask off what the cipher left.
  mask.fill(0);
  masked.fill(0);
  return plaintext;
}

/** Counter mode as in GCM: the same for both directions. */
function applyKeystream(key: SecretBytes, counter: Uint8Array, bytes: Uint8Array): Uint8Array {
  const cipher = key.use((keyBytes) => createCipheriv('aes-256-ctr', keyBytes, counter));
  const output = cipher.update(bytes);
  cipher.final();
  return output;
}

function tagOf(key: SecretBytes, { iv, aad }: Encrypted, plaintext: Uint8Array): Uint8Array {
  const cipher = key.use((keyBytes) => createCipheriv('aes-256-gcm', keyBytes, iv));
  cipher.setAAD(aad);
  cipher.update(plaintext);
  cipher.final();
  return cipher.getAuthTag();
}

/** As long as the bytes, in a buffer of its own. */
function xor(mask: Uint32Array, bytes: Uint8Array): Uint8Array {
  const words = wholeWords(bytes.byteLength);
  const result = new Uint8Array(words.buffer, 0, bytes.byteLength);
  result.set(bytes);
  // Word by word in a plain loop: any other way takes many times as long.
  for (let at = 0; at < words.length; at += 1) words[at] = (words[at] ?? 0) ^ (mask[at] ?? 0);
  return result;
}

/** Masks that were drawn ahead, because drawing many at once costs a fraction. */
const masks = new Uint32Array(MASK_WORDS);
let nextMask = MASK_WORDS;

/** Random words that were never used before; whoever uses them overwrites them. */
function drawMask(lengthBytes: number): Uint32Array {
  const words = Math.ceil(lengthBytes / 4);
  if (words > MASK_WORDS) return randomFillSync(new Uint32Array(words));
  if (nextMask + words > MASK_WORDS) {
    randomFillSync(masks);
    nextMask = 0;
  }
  nextMask += words;
  return masks.subarray(nextMask - words, nextMask);
}

function wholeWords(lengthBytes: number): Uint32Array {
  return new Uint32Array(new ArrayBuffer(Math.ceil(lengthBytes / 4) * 4));
}
