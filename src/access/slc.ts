import { equalTexts } from '../crypto/compare.js';
import { sha256 } from '../crypto/hash.js';
import {
  decoyJwtKey,
  type JwtClaims,
  type JwtKey,
  type JwtKeyType,
  jwtKeyType,
  publicJwtKey,
  secretJwtKey,
  verifyJwt,
} from '../crypto/jwt.js';
import type { Sealer } from '../crypto/sealer.js';
import { SecretBytes } from '../crypto/secret-bytes.js';
import { base64url, utf8 } from '../lib/bytes.js';
import { type Clock, SECOND_MS } from '../lib/clock.js';
import { liveSecrets } from './secrets.js';
import type { Client } from './tenant.js';

const MAX_LIFE_SECONDS = 300;
const TOLERANCE_SECONDS = 5;

interface SlcDeps {
  readonly sealer: Sealer;
  readonly clock: Clock;
  /** The audience that a token must name. */
  readonly publicUrl: string;
}

/** A verified token; it counts once. */
export interface SlcUse {
  /** SHA-256 of the `jti`: 32 bytes, base64url. */
  readonly tokenId: string;
  /** From here on the token is refused for its age alone. */
  readonly expiresAtMs: number;
}

/**
 * Verifies a short-lived credential: a JWT (RFC 7519, BCP 225) signed by a key that the client
 * registered (Ed25519, P-256) or by its client secret (HS256, the secret's UTF-8 bytes).
 *
 * Holds when iss = sub = the client id, aud is or contains the public URL, iat and exp are given,
 * exp is at most 300 s after iat, neither is off by more than 5 s of clock skew, jti is a text, and
 * `body_sha256`, where given, is the base64url SHA-256 of the exact body bytes. Undefined otherwise.
 * The caller still has to use up the token.
 */
export async function verifySlc(
  deps: SlcDeps,
  request: { client: Client; token: string; body: Uint8Array },
): Promise<SlcUse | undefined> {
  const { client, token, body } = request;
  const type = jwtKeyType(token);
  if (type === undefined) return undefined;
  const keys = keysOf(deps, client, type);
  const claims = await firstVerified(deps, { client, token, keys, decoy: decoyJwtKey(type) });
  if (claims === undefined || !isShortLived(claims, deps.clock.nowMs())) return undefined;
  if (claims['body_sha256'] !== undefined && !isDigestOf(claims['body_sha256'], body)) {
    return undefined;
  }
  return {
    tokenId: base64url(sha256(utf8(claims.jti))),
    // Age is checked in whole seconds, so a token may outlast a fractional `exp`.
    expiresAtMs: (Math.ceil(claims.exp) + TOLERANCE_SECONDS) * SECOND_MS,
  };
}

/** Tries every key of the kind; a decoy does the work of the first one where there is none. */
async function firstVerified(
  deps: SlcDeps,
  checked: { client: Client; token: string; keys: readonly JwtKey[]; decoy: JwtKey },
): Promise<JwtClaims | undefined> {
  const { client, token, keys, decoy } = checked;
  for (const key of keys.length === 0 ? [decoy] : keys) {
    const claims = await verifyJwt(token, {
      key,
      issuer: client.clientId,
      subject: client.clientId,
      audience: deps.publicUrl,
      nowMs: deps.clock.nowMs(),
      toleranceSeconds: TOLERANCE_SECONDS,
    });
    if (claims !== undefined && key !== decoy) return claims;
  }
  return undefined;
}

function keysOf(deps: SlcDeps, client: Client, type: JwtKeyType): readonly JwtKey[] {
  if (type !== 'secret')
    return client.slcKeys.filter(({ crv }) => crv === type).map((key) => publicJwtKey(key));
  return liveSecrets(client.secrets, deps.clock.nowMs()).flatMap(({ sealed }) => {
    if (sealed === undefined) return [];
    const secret = SecretBytes.take(deps.sealer.open(sealed, 'client-secret', client.clientId));
    const key = secretJwtKey(secret);
    secret.wipe();
    return [key];
  });
}

function isShortLived({ iat, exp }: JwtClaims, nowMs: number): boolean {
  const isIssued = iat <= nowMs / SECOND_MS + TOLERANCE_SECONDS;
  return isIssued && exp > iat && exp - iat <= MAX_LIFE_SECONDS;
}

function isDigestOf(digest: unknown, body: Uint8Array): boolean {
  return typeof digest === 'string' && equalTexts(digest, base64url(sha256(body)));
}
