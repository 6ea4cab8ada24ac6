// The bare costs that the vault is compared with, measured in the same run.
import { createDecipheriv, randomBytes } from 'node:crypto';
import { closeSync, fdatasyncSync, openSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { open, seal } from '../dist/crypto/seal.js';
import { SecretBytes } from '../dist/crypto/secret-bytes.js';
import { TEMPLATE_BYTES } from './vault-subjects.mjs';

const BLOCK_BYTES = 4_096;

/** `flush` overwrites one block in place and returns how long that and the fdatasync took. */
export function openFlushFile(dir) {
  const file = openSync(join(dir, 'flush'), 'w');
  const block = randomBytes(BLOCK_BYTES);
  const flush = () => {
    const startedAtMs = performance.now();
    writeSync(file, block, 0, BLOCK_BYTES, 0);
    fdatasyncSync(file);
    return performance.now() - startedAtMs;
  };
  flush();
  return { flush, close: () => closeSync(file) };
}

/**
 * Opens a template with AES-256-GCM alone, key and associated data at hand: as Lethe does, which
 * leaves no copy of the plaintext, and by Node's own decipher, which does.
 */
export function bareOpenings() {
  const rawKey = randomBytes(32);
  const key = SecretBytes.take(Uint8Array.from(rawKey));
  const aad = randomBytes(120);
  const sealed = seal(key, { plaintext: randomBytes(TEMPLATE_BYTES), aad });
  const [iv, ciphertext, tag] = [
    sealed.subarray(0, 12),
    sealed.subarray(12, -16),
    sealed.subarray(-16),
  ];
  return {
    bare: async () => {
      open(key, { sealed, aad }).fill(0);
    },
    decipher: async () => {
      const decipher = createDecipheriv('aes-256-gcm', rawKey, iv, { authTagLength: 16 });
      decipher.setAAD(aad).setAuthTag(tag);
      decipher.update(ciphertext).fill(0);
      decipher.final();
    },
  };
}
