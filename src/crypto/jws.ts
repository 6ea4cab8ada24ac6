import { CompactSign, FlattenedSign } from 'jose';
import { utf8 } from '../lib/bytes.js';
import type { SigningKey } from './signing-key.js';

/** A compact JWS (RFC 7515 §3.1, EdDSA) over the JSON of the claims. */
export async function signClaims(
  key: SigningKey,
  content: { typ: string; claims: object },
): Promise<string> {
  return await new CompactSign(utf8(JSON.stringify(content.claims)))
    .setProtectedHeader({ alg: 'EdDSA', typ: content.typ, kid: key.kid })
    .sign(key.privateKey);
}

/**
 * A detached JWS over exactly these bytes: `header..signature`, payload unencoded
 * (RFC 7515 appendix F, RFC 7797: `b64` false and critical).
 */
export async function signDetached(key: SigningKey, payload: Uint8Array): Promise<string> {
  const jws = await new FlattenedSign(payload)
    .setProtectedHeader({ alg: 'EdDSA', kid: key.kid, b64: false, crit: ['b64'] })
    .sign(key.privateKey);
  return `${jws.protected ?? ''}..${jws.signature}`;
}
