import { createHash, createHmac, createPublicKey, verify } from 'node:crypto';
import { base64url } from './bytes.js';
import type { Ed25519Signed, Primitives } from './primitives.js';

/** The primitives by node:crypto, all at once. The only file here that needs Node. */
export const nodePrimitives = {
  sha256: (bytes: Uint8Array): Uint8Array => createHash('sha256').update(bytes).digest(),
  hmacSha256: (key: Uint8Array, bytes: Uint8Array): Uint8Array =>
    createHmac('sha256', key).update(bytes).digest(),
  verifyEd25519: ({ publicKey, message, signature }: Ed25519Signed): boolean => {
    if (publicKey.length !== 32 || signature.length !== 64) return false;
    // A tenth of the time that the same key takes in DER.
    const jwk = { kty: 'OKP', crv: 'Ed25519', x: base64url(publicKey) };
    const key = createPublicKey({ key: jwk, format: 'jwk' });
    return verify(null, message, key, signature);
  },
} satisfies Primitives;
