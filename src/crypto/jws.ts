import { CompactSign } from 'jose';
import { base64url, utf8 } from '../lib/bytes.js';
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
 * (RFC 7515 appendix F, RFC 7797: `b64` false and critical). Signed without jose, which takes more
 * than twice the time: this is done for every attempt of every webhook.
 */
export async function signDetached(key: SigningKey, payload: Uint8Array): Promise<string> {
  const header = { alg: 'EdDSA', kid: key.kid, b64: false, crit: ['b64'] };
  const encodedHeader = base64url(utf8(JSON.stringify(header)));
  const signature = key.sign(Buffer.concat([utf8(`${encodedHeader}.`), payload]));
  return `${encodedHeader}..${base64url(signature)}`;
}
