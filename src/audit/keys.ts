import { createPublicKey } from 'node:crypto';
import { sha256 } from '../crypto/hash.js';
import { base64url, hex, parseBase64, parseBase64url } from '../lib/bytes.js';
import type { VerificationKeys } from './checkpoint.js';

const KEY_BYTES = 32;
/** The signature type in C2SP signed-note. */
const ED25519 = 0x01;
const TEXT_LIMIT = 65_536;

/**
 * Public keys from either of two texts, or undefined when it is neither or holds no Ed25519 key:
 *
 * - a JWK set (RFC 7517, 8037) as served at /.well-known/jwks.json; keys of other kinds are passed
 *   over, and each key goes by its thumbprint (RFC 7638), whatever kid the set gives it;
 * - a verifier key of C2SP signed-note: `name+keyid+base64(0x01 ‖ key)`, where keyid is 8 hex digits:
 *   the first 4 bytes of SHA-256(name ‖ 0x0a ‖ 0x01 ‖ key).
 *
 * ```text
 * PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW
 * ```
 */
export function parseKeys(text: string): VerificationKeys | undefined {
  if (text.length > TEXT_LIMIT) return undefined;
  const trimmed = text.trim();
  const keys = trimmed.startsWith('{') ? jwksKeys(trimmed) : vkeyKeys(trimmed);
  if (keys.length === 0) return undefined;
  return new Map(keys.map(namedKey));
}

function vkeyKeys(text: string): readonly Uint8Array[] {
  const match = /^([^\s+]{1,255})\+([0-9a-f]{8})\+([A-Za-z0-9+/=]{44})$/.exec(text);
  const [, name = '', id = '', encoded = ''] = match ?? [];
  const typed = parseBase64(encoded);
  if (typed?.byteLength !== KEY_BYTES + 1 || typed[0] !== ED25519) return [];
  const digest = sha256(name, '\n', typed);
  return hex(digest.subarray(0, 4)) === id ? [typed.subarray(1)] : [];
}

function jwksKeys(text: string): readonly Uint8Array[] {
  const set = parseObject(text);
  const members: unknown = set?.['keys'];
  if (!Array.isArray(members)) return [];
  return members.flatMap((jwk: unknown) => {
    if (typeof jwk !== 'object' || jwk === null) return [];
    const { kty, crv, x } = jwk as Partial<Record<string, unknown>>;
    if (kty !== 'OKP' || crv !== 'Ed25519' || typeof x !== 'string') return [];
    const bytes = parseBase64url(x);
    return bytes?.byteLength === KEY_BYTES ? [bytes] : [];
  });
}

function parseObject(text: string): Partial<Record<string, unknown>> | undefined {
  try {
    return JSON.parse(text) as Partial<Record<string, unknown>>;
  } catch {
    return undefined;
  }
}

function namedKey(bytes: Uint8Array) {
  const x = base64url(bytes);
  const kid = base64url(sha256(`{"crv":"Ed25519","kty":"OKP","x":"${x}"}`));
  return [kid, createPublicKey({ key: { kty: 'OKP', crv: 'Ed25519', x }, format: 'jwk' })] as const;
}
