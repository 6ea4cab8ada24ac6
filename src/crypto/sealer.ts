import { lengthPrefixed } from './hash.js';
import { open, seal } from './seal.js';
import type { SecretBytes } from './secret-bytes.js';

/**
 * Seals what the stores keep for others: callback headers, webhook bodies, secrets. The context
 * names what it is and whose; bytes sealed for one context do not open in another.
 */
export interface Sealer {
  seal(plaintext: Uint8Array, ...context: readonly string[]): Uint8Array;
  /** Throws SealBroken when the bytes were not sealed for this context. */
  open(sealed: Uint8Array, ...context: readonly string[]): Uint8Array;
}

/** A sealer over one 32-byte key; see `seal.ts` for the shape of the bytes. */
export function createSealer(key: SecretBytes): Sealer {
  return {
    seal: (plaintext, ...context) => seal(key, { plaintext, aad: lengthPrefixed(...context) }),
    open: (sealed, ...context) => open(key, { sealed, aad: lengthPrefixed(...context) }),
  };
}
