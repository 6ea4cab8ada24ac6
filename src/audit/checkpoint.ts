import { type KeyObject, verify } from 'node:crypto';
import type { SigningKey } from '../crypto/signing-key.js';
import { base64url, parseBase64url, utf8 } from '../lib/bytes.js';
import { isoTime } from '../lib/clock.js';
import { isTime } from './entry.js';
import type { Checkpoint } from './log-store.js';

/** First line of the signed text: no other signature of the service covers a text that begins so. */
const ORIGIN = 'lethe/audit/v1';
const HASH_BYTES = 32;
const SIGNATURE_BYTES = 64;

/** Public keys by kid (JWK thumbprint, base64url). */
export type VerificationKeys = ReadonlyMap<string, KeyObject>;

/** Whether the signature of a checkpoint is right, and if not, why. */
export type SignatureCheck = 'valid' | 'unknown key' | 'invalid';

/**
 * The text that a checkpoint signs: four lines in UTF-8, each ended by one line feed (0x0a): the
 * origin, the size in decimal, the hash in base64url, the time of signing. The form follows
 * C2SP tlog-checkpoint; the hash is the head of a chain, not the root of a tree.
 *
 * ```text
 * lethe/audit/v1
 * 3
 * TDd1pnORfX2tcjOW-CIK30sRk-zrDskO5DwN0fOuaf8
 * 2026-03-01T10:00:01.250Z
 * ```
 */
export function checkpointText(head: Pick<Checkpoint, 'size' | 'hash' | 'signedAt'>): Uint8Array {
  return utf8(`${ORIGIN}\n${head.size.toString()}\n${head.hash}\n${head.signedAt}\n`);
}

/** The head of the log, signed with Ed25519 (RFC 8032) over {@link checkpointText}. */
export function signCheckpoint(
  deps: { key: SigningKey; nowMs: number },
  head: Pick<Checkpoint, 'size' | 'hash'>,
): Checkpoint {
  const { size, hash } = head;
  const signedAt = isoTime(deps.nowMs);
  const signature = deps.key.sign(checkpointText({ size, hash, signedAt }));
  return { size, hash, signedAt, kid: deps.key.kid, signature: base64url(signature) };
}

/** Checks the signature with the key that the checkpoint names; time and size are not judged. */
export function checkSignature(keys: VerificationKeys, checkpoint: Checkpoint): SignatureCheck {
  const key = keys.get(checkpoint.kid);
  if (key === undefined) return 'unknown key';
  const signature = parseBase64url(checkpoint.signature) ?? new Uint8Array(0);
  return verify(null, checkpointText(checkpoint), key, signature) ? 'valid' : 'invalid';
}

/** Whether a value is exactly a checkpoint: all five members, no others, each in its one form. */
export function isCheckpoint(value: unknown): value is Checkpoint {
  if (typeof value !== 'object' || value === null || Object.keys(value).length !== 5) return false;
  const { size, hash, signedAt, kid, signature } = value as Partial<Record<string, unknown>>;
  return (
    Number.isSafeInteger(size) &&
    Number(size) > 0 &&
    isHash(hash) &&
    isTime(signedAt) &&
    isHash(kid) &&
    isBase64urlOf(signature, SIGNATURE_BYTES)
  );
}

/** Whether a value is a SHA-256 in base64url, in its one spelling. */
export function isHash(value: unknown): value is string {
  return isBase64urlOf(value, HASH_BYTES);
}

function isBase64urlOf(value: unknown, lengthBytes: number): boolean {
  return typeof value === 'string' && parseBase64url(value)?.byteLength === lengthBytes;
}
