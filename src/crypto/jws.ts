import { CompactSign } from 'jose';
import { base64url, parseBase64url, utf8, utf8Text } from '../lib/bytes.js';
import type { SigningKey } from './signing-key.js';

/** A compact JWS (RFC 7515 §3.1, EdDSA) over the JSON of the claims. */
export async function signClaims(
  key: SigningKey,
  content: { typ: string; claims: object },
): Promise<string> {
  return await new CompactSign(utf8(JSON.stringify(content.claims)))
    .setProtectedHeader(claimsHeader(key, content.typ))
    .sign(key.privateKey);
}

/**
 * The claims of a JWS that `signClaims` made with this key and typ; undefined for every other text.
 * The header has to be, byte for byte, the one that we write: so no algorithm, key, type or critical
 * parameter of somebody else's choice is ever looked at. Says nothing of the claims themselves.
 */
export function verifiedClaims(
  key: SigningKey,
  presented: { typ: string; jws: string },
): Readonly<Record<string, unknown>> | undefined {
  const parts = presented.jws.split('.');
  const [header = '', payload = '', signature = ''] = parts;
  const ours = base64url(utf8(JSON.stringify(claimsHeader(key, presented.typ))));
  if (parts.length !== 3 || header !== ours) return undefined;
  // A signature has one spelling only, although the unused bits of its last character could differ.
  const signatureBytes = parseBase64url(signature);
  if (signatureBytes === undefined) return undefined;
  if (!key.verify(utf8(`${header}.${payload}`), signatureBytes)) return undefined;
  const claims = utf8Text(Buffer.from(payload, 'base64url'));
  return JSON.parse(claims) as Readonly<Record<string, unknown>>;
}

function claimsHeader(key: SigningKey, typ: string): { alg: string; typ: string; kid: string } {
  return { alg: 'EdDSA', typ, kid: key.kid };
}

/**
 * A detached JWS over exactly these bytes: `header..signature`, payload unencoded
 * (RFC 7515 appendix F, RFC 7797: `b64` false and critical). Signed without jose, which takes more
 * than twice the time: this is done for every attempt of every webhook.
 */
export async function signDetached(key: SigningKey, payload: Uint8Array): Promise<string> {
  const header = { alg: 'EdDSA', kid: key.kid, b64: false, crit: ['b64'] };
  const encodedHeader = base64url(utf8(JSON.stringify(header)));
  const signature = await key.signAside(Buffer.concat([utf8(`${encodedHeader}.`), payload]));
  return `${encodedHeader}..${base64url(signature)}`;
}
