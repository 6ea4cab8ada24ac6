import { sha256 } from '../crypto/hash.js';
import type { SigningKey } from '../crypto/signing-key.js';
import { base64, utf8 } from '../lib/bytes.js';

const LABEL = 'lethe';
const TAG = 'lethe-webhook';
const LIFETIME_SECONDS = 300;

/** A request as it is about to be sent, with the headers that are covered. */
interface SignedRequest {
  readonly url: string;
  readonly headers: Readonly<Record<'content-type' | 'webhook-id' | 'webhook-timestamp', string>>;
  readonly body: Uint8Array;
}

/**
 * The headers of an HTTP message signature (RFC 9421) over a POST, label `lethe`:
 *
 * - `content-digest`: SHA-256 of the body (RFC 9530);
 * - `signature-input`: what is covered (method, target URI, type and digest of the content, id and
 *   time of the webhook), from `webhook-timestamp` for 300 seconds, by the key `keyid` of the JWKS;
 * - `signature`: Ed25519 over the signature base of §2.5.
 *
 * Receivers compute the digest themselves: the signature covers the header, not the body.
 */
export async function signHttpMessage(
  signingKey: SigningKey,
  request: SignedRequest,
): Promise<Readonly<Record<string, string>>> {
  const contentDigest = `sha-256=:${base64(sha256(request.body))}:`;
  const covered: readonly (readonly [name: string, value: string])[] = [
    ['@method', 'POST'],
    ['@target-uri', targetUri(request.url)],
    ['content-type', request.headers['content-type']],
    ['content-digest', contentDigest],
    ['webhook-id', request.headers['webhook-id']],
    ['webhook-timestamp', request.headers['webhook-timestamp']],
  ];
  const createdAt = Number(request.headers['webhook-timestamp']);
  const names = covered.map(([name]) => `"${name}"`).join(' ');
  const params = [
    `(${names})`,
    `created=${createdAt.toString()}`,
    `expires=${(createdAt + LIFETIME_SECONDS).toString()}`,
    `keyid="${signingKey.kid}"`,
    'alg="ed25519"',
    `tag="${TAG}"`,
  ].join(';');
  const base = [
    ...covered.map(([name, value]) => `"${name}": ${value}`),
    `"@signature-params": ${params}`,
  ].join('\n');
  return {
    'content-digest': contentDigest,
    'signature-input': `${LABEL}=${params}`,
    signature: `${LABEL}=:${base64(await signingKey.signAside(utf8(base)))}:`,
  };
}

/** The URL as it is requested: a fragment is not sent (RFC 9110 §7.1), nor a `?` without a query. */
function targetUri(text: string): string {
  const { origin, pathname, search } = new URL(text);
  return origin + pathname + search;
}
