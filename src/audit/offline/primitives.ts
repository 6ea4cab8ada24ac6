/** The cryptography that verifying takes, at once (Node) or by and by (WebCrypto). */
export interface Primitives {
  /** 32 bytes (FIPS 180-4). */
  sha256(bytes: Uint8Array): Uint8Array | Promise<Uint8Array>;
  /** HMAC-SHA-256, 32 bytes (RFC 2104). */
  hmacSha256(key: Uint8Array, bytes: Uint8Array): Uint8Array | Promise<Uint8Array>;
  /**
   * Whether this is an Ed25519 signature (RFC 8032): of 32 bytes the public key, of 64 the signature.
   * Other lengths are no signature.
   */
  verifyEd25519(signed: Ed25519Signed): boolean | Promise<boolean>;
}

/** A message and its signature. */
export interface Ed25519Signed {
  readonly publicKey: Uint8Array;
  readonly message: Uint8Array;
  readonly signature: Uint8Array;
}
