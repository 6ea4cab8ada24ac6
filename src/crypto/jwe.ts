import { createPrivateKey, createPublicKey, type KeyObject } from 'node:crypto';
import { CompactEncrypt, compactDecrypt } from 'jose';

/**
 * Encrypts bytes to a public key, PEM: compact JWE (RFC 7516), A256GCM, under ECDH-ES for EC and
 * X25519 keys and RSA-OAEP-256 for RSA keys. Throws a TypeError for another kind of key.
 */
export async function encryptTo(publicKeyPem: string, bytes: Uint8Array): Promise<string> {
  const key = createPublicKey(publicKeyPem);
  return await new CompactEncrypt(bytes)
    .setProtectedHeader({ alg: algorithmOf(key), enc: 'A256GCM' })
    .encrypt(key);
}

/** Opens what {@link encryptTo} made with the private key, PEM; undefined when it does not open. */
export async function decryptWith(
  privateKeyPem: string,
  text: string,
): Promise<Uint8Array | undefined> {
  const key = createPrivateKey(privateKeyPem);
  const options = {
    keyManagementAlgorithms: [algorithmOf(key)],
    contentEncryptionAlgorithms: ['A256GCM'],
  };
  try {
    return (await compactDecrypt(text, key, options)).plaintext;
  } catch {
    return undefined;
  }
}

function algorithmOf({ asymmetricKeyType }: KeyObject): string {
  if (asymmetricKeyType === 'rsa') return 'RSA-OAEP-256';
  if (asymmetricKeyType === 'ec' || asymmetricKeyType === 'x25519') return 'ECDH-ES';
  throw new TypeError('the key must be RSA, EC or X25519');
}
