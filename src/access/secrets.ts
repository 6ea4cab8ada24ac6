import { randomBytes } from 'node:crypto';
import { equalTexts } from '../crypto/compare.js';
import { deriveKey, hmacSha256 } from '../crypto/hash.js';
import type { SecretBytes } from '../crypto/secret-bytes.js';
import { base64url } from '../lib/bytes.js';

const SECRET_BYTES = 32;
const CLIENT_ID_BYTES = 16;

/** How many secrets of one holder are live while they rotate. */
const MAX_LIVE = 2;

/** Compared against where there is no secret; never counts as a match. */
const NO_DIGEST = 'A'.repeat(43);

/** The key under which secrets are stored as digests: 32 bytes, derived from the service key. */
export function derivePepper(serviceKey: SecretBytes): SecretBytes {
  return deriveKey(serviceKey, 'lethe/pepper/v1');
}

/** `lak_` and 256 random bits, base64url. */
export function newApiKey(): string {
  return `lak_${base64url(randomBytes(SECRET_BYTES))}`;
}

/** `lci_` and 128 random bits, base64url; a name, not a secret. */
export function newClientId(): string {
  return `lci_${base64url(randomBytes(CLIENT_ID_BYTES))}`;
}

/** `lcs_` and 256 random bits, base64url. */
export function newClientSecret(): string {
  return `lcs_${base64url(randomBytes(SECRET_BYTES))}`;
}

/**
 * What is stored of a secret: HMAC-SHA-256 under the pepper, 32 bytes base64url. A fast digest is
 * enough because the secrets hold 256 random bits (OWASP ASVS 5.0, 6.5.2).
 */
export function secretDigest(pepper: SecretBytes, secret: string): string {
  return base64url(hmacSha256(pepper, secret));
}

/** Something of which the newest is first, each until its time is over. */
interface Expiring {
  readonly expiresAtMs?: number;
}

/** The secrets that count now, newest first, at most two. */
export function liveSecrets<S extends Expiring>(
  secrets: readonly S[],
  nowMs: number,
): readonly S[] {
  return secrets
    .filter(({ expiresAtMs }) => expiresAtMs === undefined || expiresAtMs > nowMs)
    .slice(0, MAX_LIVE);
}

/**
 * Puts a fresh secret first and lets the previous one live for the overlap; older ones end at once,
 * and so does the previous one when the overlap is 0.
 */
export function rotateSecrets<S extends Expiring>(
  secrets: readonly S[],
  change: { fresh: S; nowMs: number; overlapMs: number },
): readonly S[] {
  const [previous] = liveSecrets(secrets, change.nowMs);
  if (previous === undefined || change.overlapMs === 0) return [change.fresh];
  return [change.fresh, { ...previous, expiresAtMs: change.nowMs + change.overlapMs }];
}

/**
 * Whether a presented secret is one of these. One HMAC and two comparisons in constant time,
 * however many there are.
 */
export function matchesSecret(
  pepper: SecretBytes,
  { presented, live }: { presented: string; live: readonly { readonly digest: string }[] },
): boolean {
  const digest = secretDigest(pepper, presented);
  let isMatch = false;
  for (let slot = 0; slot < MAX_LIVE; slot += 1) {
    const stored = live[slot];
    const isEqual = equalTexts(digest, stored?.digest ?? NO_DIGEST);
    isMatch = (isEqual && stored !== undefined) || isMatch;
  }
  return isMatch;
}
