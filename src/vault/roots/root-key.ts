import { deriveKey } from '../../crypto/hash.js';
import { SecretBytes } from '../../crypto/secret-bytes.js';
import { SHARE_BYTES } from './root-slot.js';

/**
 * The root of the key tree, 32 bytes: HKDF-SHA-256 over the shares of one epoch, one after the other
 * in the order of their stores, info "lethe/tree-root/v1". Who lacks any one share knows nothing of it.
 * The caller wipes it.
 */
export function rootKeyOf(shares: readonly SecretBytes[]): SecretBytes {
  const buffer = new ArrayBuffer(shares.length * SHARE_BYTES);
  const joined = new Uint8Array(buffer);
  shares.forEach((share, at) => {
    share.use((bytes) => joined.set(bytes, at * SHARE_BYTES));
  });
  const secret = SecretBytes.own(buffer);
  try {
    return deriveKey(secret, 'lethe/tree-root/v1');
  } finally {
    secret.wipe();
  }
}
