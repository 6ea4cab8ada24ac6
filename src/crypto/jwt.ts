import { createPublicKey, createSecretKey, generateKeyPairSync, type KeyObject } from 'node:crypto';
import { decodeProtectedHeader, errors, jwtVerify } from 'jose';
import { SecretBytes } from './secret-bytes.js';

/** What kind of key signed a token: it alone decides the algorithm, never the token. */
export type JwtKeyType = 'Ed25519' | 'P-256' | 'secret';

/** RFC 8037 and its fully specified spelling (RFC 9864); RFC 7518 §3.4 and §3.2. */
const ALGORITHMS: Readonly<Record<JwtKeyType, readonly string[]>> = {
  Ed25519: ['EdDSA', 'Ed25519'],
  'P-256': ['ES256'],
  secret: ['HS256'],
};

const KEY_TYPES: readonly JwtKeyType[] = ['Ed25519', 'P-256', 'secret'];

/** A key that verifies tokens of one kind. */
export interface JwtKey {
  readonly type: JwtKeyType;
  readonly key: KeyObject;
}

/** Verified claims; times are NumericDate, seconds since the epoch (RFC 7519 §2). */
export interface JwtClaims {
  readonly iat: number;
  readonly exp: number;
  readonly jti: string;
  readonly [claim: string]: unknown;
}

/** A public JWK on Ed25519 (RFC 8037) or P-256 (RFC 7518 §6.2): coordinates of 32 bytes, base64url. */
interface PublicCurveKey {
  readonly kty: 'OKP' | 'EC';
  readonly crv: 'Ed25519' | 'P-256';
  readonly x: string;
  readonly y?: string;
}

/** The verifying key of a public JWK. Throws when it is not a point on its curve. */
export function publicJwtKey({ kty, crv, x, y }: PublicCurveKey): JwtKey {
  const jwk = { kty, crv, x, ...(y !== undefined && { y }) };
  return { type: crv, key: createPublicKey({ key: jwk, format: 'jwk' }) };
}

/** An HMAC key of these bytes. */
export function secretJwtKey(secret: SecretBytes): JwtKey {
  return { type: 'secret', key: secret.use((bytes) => createSecretKey(bytes)) };
}

/**
 * The kind of key that a compact JWS asks for; undefined when the text is not one, its algorithm is
 * not accepted or it has critical header parameters (RFC 7515 §4.1.11: none is understood here).
 */
export function jwtKeyType(token: string): JwtKeyType | undefined {
  try {
    const { alg, crit } = decodeProtectedHeader(token);
    if (crit !== undefined || typeof alg !== 'string') return undefined;
    return KEY_TYPES.find((type) => ALGORITHMS[type].includes(alg));
  } catch {
    return undefined;
  }
}

interface Expected {
  readonly key: JwtKey;
  readonly issuer: string;
  readonly subject: string;
  readonly audience: string;
  readonly nowMs: number;
  readonly toleranceSeconds: number;
}

/**
 * The claims of a JWT (RFC 7519) that this key signed with its own algorithm, for this issuer,
 * subject and audience, not expired, not before its time, with `iat`, `exp` and `jti`; else undefined.
 */
export async function verifyJwt(token: string, expected: Expected): Promise<JwtClaims | undefined> {
  if (jwtKeyType(token) !== expected.key.type) return undefined;
  try {
    const { payload } = await jwtVerify(token, expected.key.key, {
      algorithms: [...ALGORITHMS[expected.key.type]],
      issuer: expected.issuer,
      subject: expected.subject,
      audience: expected.audience,
      currentDate: new Date(expected.nowMs),
      clockTolerance: expected.toleranceSeconds,
    });
    const { iat, exp, jti } = payload;
    if (typeof jti !== 'string' || !isTime(iat) || !isTime(exp)) return undefined;
    return { ...payload, iat, exp, jti };
  } catch (error) {
    if (error instanceof errors.JOSEError) return undefined;
    throw error;
  }
}

function isTime(seconds: number | undefined): seconds is number {
  return seconds !== undefined && Number.isFinite(seconds);
}

const decoys = new Map<JwtKeyType, JwtKey>();

/** A key that nobody can sign with: stands in where there is none, so that the work is the same. */
export function decoyJwtKey(type: JwtKeyType): JwtKey {
  const known = decoys.get(type);
  if (known !== undefined) return known;
  const decoy = type === 'secret' ? secretJwtKey(SecretBytes.random(32)) : newPublicKey(type);
  decoys.set(type, decoy);
  return decoy;
}

function newPublicKey(type: 'Ed25519' | 'P-256'): JwtKey {
  const pair =
    type === 'Ed25519'
      ? generateKeyPairSync('ed25519')
      : generateKeyPairSync('ec', { namedCurve: 'P-256' });
  return { type, key: pair.publicKey };
}
