import {
  createPrivateKey,
  createPublicKey,
  generateKeyPair,
  type KeyObject,
  webcrypto,
} from 'node:crypto';
import { promisify } from 'node:util';
import { base64url, parseBase64, utf8 } from '../lib/bytes.js';
import { equalBytes } from './compare.js';
import { decrypt } from './decrypt.js';
import { sha256 } from './hash.js';
import { SecretBytes } from './secret-bytes.js';

const MODULUS_BITS = 3072;
const AES_KEY_BYTES = 32;
const IV_BYTES = 12;
const TAG_BYTES = 16;

/** The five base64 fields in which browsers and apps send what only this service may read. */
export interface EncryptedFields {
  readonly encryptedKey: string;
  readonly encryptedMessage: string;
  readonly iv: string;
  readonly gcmTag: string;
  readonly gcmAad: string;
}

/** The key pair behind GET /public-key: RSA-3072 for RSA-OAEP with SHA-256 (RFC 8017 §7.1). */
export interface PayloadKey {
  readonly kid: string;
  /** SubjectPublicKeyInfo, PEM. */
  readonly publicKeyPem: string;
  /**
   * Opens the five fields: `encryptedKey` is a 32-byte AES key under RSA-OAEP-256; the rest is
   * AES-256-GCM with a 12-byte `iv`, a 16-byte `gcmTag` and `gcmAad` = the UTF-8 session id, so that
   * a message opens in its own session alone. Undefined when anything does not fit.
   */
  open(fields: EncryptedFields, sessionId: string): Promise<SecretBytes | undefined>;
}

/** A fresh private key, PKCS #8 DER. Takes about a second, off the event loop. */
export async function generatePayloadKey(): Promise<SecretBytes> {
  const pair = await promisify(generateKeyPair)('rsa', {
    modulusLength: MODULUS_BITS,
    publicKeyEncoding: { type: 'spki', format: 'der' },
    privateKeyEncoding: { type: 'pkcs8', format: 'der' },
  });
  return SecretBytes.take(pair.privateKey);
}

export async function importPayloadKey(pkcs8: SecretBytes): Promise<PayloadKey> {
  const algorithm = { name: 'RSA-OAEP', hash: 'SHA-256' };
  const privateKey = await pkcs8.use((bytes) =>
    webcrypto.subtle.importKey('pkcs8', bytes, algorithm, false, ['decrypt']),
  );
  const publicKey = createPublicKey(pkcs8.use(privateKeyObject));
  return {
    kid: base64url(sha256(publicKey.export({ type: 'spki', format: 'der' }))),
    publicKeyPem: publicKey.export({ type: 'spki', format: 'pem' }).toString(),
    open: async (fields, sessionId) => {
      const parsed = parseFields(fields);
      if (parsed === undefined || !equalBytes(parsed.aad, utf8(sessionId))) return undefined;
      const key = await unwrapKey(privateKey, parsed.encryptedKey);
      if (key === undefined) return undefined;
      try {
        return openMessage(key, parsed);
      } finally {
        key.wipe();
      }
    },
  };
}

function privateKeyObject(bytes: Uint8Array): KeyObject {
  const der = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return createPrivateKey({ key: der, format: 'der', type: 'pkcs8' });
}

interface ParsedFields {
  readonly encryptedKey: Uint8Array;
  readonly ciphertext: Uint8Array;
  readonly iv: Uint8Array;
  readonly tag: Uint8Array;
  readonly aad: Uint8Array;
}

function parseFields(fields: EncryptedFields): ParsedFields | undefined {
  const encryptedKey = parseBase64(fields.encryptedKey);
  const ciphertext = parseBase64(fields.encryptedMessage);
  const iv = parseBase64(fields.iv);
  const tag = parseBase64(fields.gcmTag);
  const aad = parseBase64(fields.gcmAad);
  if (!encryptedKey || !ciphertext || !iv || !tag || !aad) return undefined;
  if (iv.byteLength !== IV_BYTES || tag.byteLength !== TAG_BYTES) return undefined;
  return { encryptedKey, ciphertext, iv, tag, aad };
}

async function unwrapKey(
  privateKey: webcrypto.CryptoKey,
  encryptedKey: Uint8Array,
): Promise<SecretBytes | undefined> {
  try {
    const key = SecretBytes.own(
      await webcrypto.subtle.decrypt('RSA-OAEP', privateKey, encryptedKey),
    );
    return key.lengthBytes === AES_KEY_BYTES ? key : undefined;
  } catch {
    return undefined;
  }
}

function openMessage(key: SecretBytes, parsed: ParsedFields): SecretBytes | undefined {
  const plaintext = decrypt(key, parsed);
  return plaintext && SecretBytes.take(plaintext);
}
