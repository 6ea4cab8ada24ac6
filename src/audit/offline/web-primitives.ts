import type { Primitives } from './primitives.js';

/** The primitives by WebCrypto: browsers, in a page that came by https, and other runtimes. */
export const webPrimitives: Primitives = {
  sha256: async (bytes) => new Uint8Array(await crypto.subtle.digest('SHA-256', owned(bytes))),
  hmacSha256: async (key, bytes) => {
    const algorithm = { name: 'HMAC', hash: 'SHA-256' };
    const imported = await crypto.subtle.importKey('raw', owned(key), algorithm, false, ['sign']);
    return new Uint8Array(await crypto.subtle.sign('HMAC', imported, owned(bytes)));
  },
  verifyEd25519: async ({ publicKey, message, signature }) => {
    if (publicKey.length !== 32 || signature.length !== 64) return false;
    const algorithm = { name: 'Ed25519' };
    const key = await crypto.subtle.importKey('raw', owned(publicKey), algorithm, false, [
      'verify',
    ]);
    return await crypto.subtle.verify(algorithm, key, owned(signature), owned(message));
  },
};

/** WebCrypto takes no memory that is shared with another thread: a copy is never shared. */
function owned(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  return new Uint8Array(bytes);
}
