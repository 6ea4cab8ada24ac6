import { publicJwtKey } from '../crypto/jwt.js';
import { invalidAt } from '../errors/service-error.js';

/** A public key that a client registered for its SLC tokens: Ed25519 (RFC 8037) or P-256 (RFC 7518). */
export interface SlcKey {
  readonly kty: 'OKP' | 'EC';
  readonly crv: 'Ed25519' | 'P-256';
  readonly x: string;
  readonly y?: string;
  readonly kid?: string;
}

/**
 * The public key in a JWK; other members are left out.
 *
 * Throws VALIDATION_FAILED when it is not a public key on one of the two curves, or holds a private
 * key: the service must never see one.
 */
export function parseSlcKey(jwk: unknown): SlcKey {
  if (typeof jwk !== 'object' || jwk === null) throw invalidAt('', 'is not a JWK');
  const { kty, crv, x, y, kid, d, k } = jwk as Readonly<Record<string, unknown>>;
  if (d !== undefined || k !== undefined) {
    throw invalidAt('', 'holds a private key; register the public key alone');
  }
  const kind = `${String(kty)} ${String(crv)}`;
  const name = typeof kid === 'string' ? { kid } : {};
  if (kind === 'OKP Ed25519' && typeof x === 'string') {
    return usable({ kty: 'OKP', crv: 'Ed25519', x, ...name });
  }
  if (kind === 'EC P-256' && typeof x === 'string' && typeof y === 'string') {
    return usable({ kty: 'EC', crv: 'P-256', x, y, ...name });
  }
  throw invalidAt('', 'must be a public JWK on Ed25519 or P-256');
}

function usable(key: SlcKey): SlcKey {
  try {
    publicJwtKey(key);
  } catch {
    throw invalidAt('', 'is not a point on its curve');
  }
  return key;
}
