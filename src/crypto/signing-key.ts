import { createPrivateKey, createPublicKey, type KeyObject, sign, verify } from 'node:crypto';
import { base64url, parseBase64url } from '../lib/bytes.js';
import { sha256 } from './hash.js';
import type { SecretBytes } from './secret-bytes.js';

/** DER of an Ed25519 private key (RFC 8410 §7) up to the 32-byte seed. */
const PKCS8_PREFIX = Uint8Array.from([
  0x30, 0x2e, 0x02, 0x01, 0x00, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x04, 0x22, 0x04, 0x20,
]);

/** The public half as RFC 8037 JWK, as served at /.well-known/jwks.json. */
export interface PublicJwk {
  readonly kty: 'OKP';
  readonly crv: 'Ed25519';
  readonly x: string;
  readonly kid: string;
  readonly alg: 'EdDSA';
  readonly use: 'sig';
}

/** An Ed25519 key pair (RFC 8032). */
export interface SigningKey {
  /** JWK thumbprint (RFC 7638), base64url. */
  readonly kid: string;
  readonly privateKey: KeyObject;
  readonly publicJwk: PublicJwk;
  /** 32 bytes. */
  readonly publicBytes: Uint8Array;
  /** 64-byte signature over exactly these bytes. */
  sign(message: Uint8Array): Uint8Array;
  /** The same, made in another thread: for what is signed often while others wait for this one. */
  signAside(message: Uint8Array): Promise<Uint8Array>;
  /** Whether this key signed exactly these bytes. */
  verify(message: Uint8Array, signature: Uint8Array): boolean;
}

/** The key pair of a 32-byte seed; the same seed gives the same pair. */
export function signingKeyFromSeed(seed: SecretBytes): SigningKey {
  const privateKey = seed.use((bytes) => {
    const der = Buffer.from(new ArrayBuffer(PKCS8_PREFIX.byteLength + bytes.byteLength));
    der.set(PKCS8_PREFIX);
    der.set(bytes, PKCS8_PREFIX.byteLength);
    const key = createPrivateKey({ key: der, format: 'der', type: 'pkcs8' });
    der.fill(0);
    return key;
  });
  const publicKey = createPublicKey(privateKey);
  const x = publicKey.export({ format: 'jwk' }).x ?? '';
  const kid = base64url(sha256(`{"crv":"Ed25519","kty":"OKP","x":"${x}"}`));
  return {
    kid,
    privateKey,
    publicJwk: { kty: 'OKP', crv: 'Ed25519', x, kid, alg: 'EdDSA', use: 'sig' },
    publicBytes: parseBase64url(x) ?? new Uint8Array(0),
    sign: (message) => sign(null, message, privateKey),
    signAside: (message) =>
      new Promise((resolve, reject) => {
        sign(null, message, privateKey, (error, signature) => {
          if (error === null) resolve(signature);
          else reject(error);
        });
      }),
    verify: (message, signature) => verify(null, message, publicKey, signature),
  };
}
