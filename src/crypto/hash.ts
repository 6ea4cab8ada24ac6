import { createHash, createHmac } from 'node:crypto';
import { SecretBytes } from './secret-bytes.js';

const HASH_BYTES = 32;
/** The last byte of the only block that 32 bytes of HKDF output need: 1. */
const FIRST_BLOCK = '\u0001';

/** SHA-256 (FIPS 180-4) of the parts one after the other: 32 bytes. */
export function sha256(...parts: readonly (Uint8Array | string)[]): Uint8Array {
  const hash = createHash('sha256');
  for (const part of parts) hash.update(part);
  return hash.digest();
}

/** HMAC-SHA-256 (RFC 2104) of the parts one after the other: 32 bytes. */
export function hmacSha256(
  key: SecretBytes,
  ...parts: readonly (Uint8Array | string)[]
): Uint8Array {
  return key.use((bytes) => {
    const hmac = createHmac('sha256', bytes);
    for (const part of parts) hmac.update(part);
    return hmac.digest();
  });
}

/**
 * A 32-byte key for one purpose: HKDF-SHA-256 (RFC 5869), empty salt, the purpose as info. Made of
 * HMACs, because Node's own `hkdf` copies the key to where it stays until the garbage collector runs.
 */
export function deriveKey(key: SecretBytes, purpose: string): SecretBytes {
  const pseudorandomKey = SecretBytes.take(
    key.use((bytes) => createHmac('sha256', new Uint8Array(HASH_BYTES)).update(bytes).digest()),
  );
  try {
    return expandKey(pseudorandomKey, purpose);
  } finally {
    pseudorandomKey.wipe();
  }
}

/**
 * A 32-byte key for one purpose out of a key that is uniformly random: HKDF-Expand alone
 * (RFC 5869 §2.3 and §3.3).
 */
export function expandKey(key: SecretBytes, purpose: string): SecretBytes {
  return SecretBytes.take(hmacSha256(key, purpose + FIRST_BLOCK));
}

/**
 * Joins texts so that no two lists give the same bytes: each text is preceded by its length in
 * bytes, 4 bytes big-endian.
 */
export function lengthPrefixed(...texts: readonly string[]): Uint8Array {
  const sizeBytes = texts.reduce((sum, text) => sum + 4 + Buffer.byteLength(text), 0);
  const joined = Buffer.allocUnsafe(sizeBytes);
  let end = 0;
  for (const text of texts) {
    const lengthBytes = joined.write(text, end + 4);
    joined.writeUInt32BE(lengthBytes, end);
    end += 4 + lengthBytes;
  }
  return joined;
}
