import { createCipheriv, randomBytes } from 'node:crypto';
import { decrypt } from './decrypt.js';
import { SecretBytes } from './secret-bytes.js';

const IV_BYTES = 12;
const TAG_BYTES = 16;

/** Thrown when sealed bytes, key and associated data do not belong together. */
export class SealBroken extends Error {
  override readonly name = 'SealBroken';
}

/**
 * Seals bytes with AES-256-GCM (NIST SP 800-38D) under a 32-byte key and a random IV.
 *
 * Shape: `iv (12) ‖ ciphertext (as long as the plaintext) ‖ tag (16)`. The associated data is
 * authenticated, not stored.
 */
export function seal(
  key: SecretBytes,
  content: { plaintext: Uint8Array; aad: Uint8Array },
): Uint8Array {
  const iv = randomBytes(IV_BYTES);
  const cipher = key.use((bytes) => createCipheriv('aes-256-gcm', bytes, iv));
  cipher.setAAD(content.aad);
  const ciphertext = cipher.update(content.plaintext);
  cipher.final();
  return Buffer.concat([iv, ciphertext, cipher.getAuthTag()]);
}

/** Opens what {@link seal} made. Throws {@link SealBroken} when anything was changed. */
export function open(
  key: SecretBytes,
  content: { sealed: Uint8Array; aad: Uint8Array },
): Uint8Array {
  const { sealed, aad } = content;
  if (sealed.byteLength < IV_BYTES + TAG_BYTES) throw new SealBroken('sealed bytes are too short');
  const plaintext = decrypt(key, {
    iv: sealed.subarray(0, IV_BYTES),
    aad,
    ciphertext: sealed.subarray(IV_BYTES, sealed.byteLength - TAG_BYTES),
    tag: sealed.subarray(sealed.byteLength - TAG_BYTES),
  });
  if (plaintext === undefined)
    throw new SealBroken('the seal does not open with this key and data');
  return plaintext;
}

/** As {@link open}, without a copy: the caller wipes the plaintext. */
export function openSecret(
  key: SecretBytes,
  content: { sealed: Uint8Array; aad: Uint8Array },
): SecretBytes {
  const { buffer, byteOffset, byteLength } = open(key, content);
  return SecretBytes.own(buffer as ArrayBuffer).part(byteOffset, byteLength);
}
