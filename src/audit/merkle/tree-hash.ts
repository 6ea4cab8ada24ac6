import { hash } from 'node:crypto';

/** Every hash of the tree is SHA-256. */
export const HASH_BYTES = 32;

const LEAF = 0x00;
const NODE = 0x01;

// One buffer each, filled anew for every hash: to allocate them would take longer than to hash.
const leafInput = new Uint8Array(4_097).fill(LEAF);
const nodeInput = new Uint8Array(1 + 2 * HASH_BYTES).fill(NODE);

/** The hash of a leaf, 32 bytes: SHA-256(0x00 ‖ leaf) (RFC 6962 §2.1). */
export function leafHash(leaf: Uint8Array): Uint8Array {
  const lengthBytes = 1 + leaf.byteLength;
  const input = lengthBytes > leafInput.byteLength ? new Uint8Array(lengthBytes) : leafInput;
  input.set(leaf, 1);
  return hash('sha256', input.subarray(0, lengthBytes), 'buffer');
}

/** The hash of two subtrees, 32 bytes: SHA-256(0x01 ‖ left ‖ right) (RFC 6962 §2.1). */
export function nodeHash(left: Uint8Array, right: Uint8Array): Uint8Array {
  nodeInput.set(left, 1);
  nodeInput.set(right, 1 + HASH_BYTES);
  return hash('sha256', nodeInput, 'buffer');
}

/**
 * The root of a tree that is cut into complete subtrees, from their roots, largest first. Of an empty
 * tree it is the hash of nothing (RFC 6962 §2.1).
 */
export function rootOf(subtrees: readonly Uint8Array[]): Uint8Array {
  const smallest = subtrees.at(-1);
  if (smallest === undefined) return hash('sha256', new Uint8Array(0), 'buffer');
  return subtrees.slice(0, -1).reduceRight((root, larger) => nodeHash(larger, root), smallest);
}
