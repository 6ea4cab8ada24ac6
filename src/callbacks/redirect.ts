import { signClaims } from '../crypto/jws.js';
import type { SigningKey } from '../crypto/signing-key.js';
import { SECOND_MS } from '../lib/clock.js';
import { randomId } from '../lib/ids.js';
import type { Session } from '../sessions/session.js';

const RESULT_LIFE_SECONDS = 120;

/**
 * The `result` of a redirect: a compact EdDSA JWS, typ `lethe-result+jwt`, valid for 120 seconds,
 * with the claims iss (PUBLIC_URL), sub and sid (the session), status, type, nonce (the session's
 * challenge), aud (origin of the redirect), iat, exp and jti. It names no subject.
 */
export async function signResult(
  deps: { signingKey: SigningKey; publicUrl: string },
  result: { session: Session; nowMs: number },
): Promise<string> {
  const { session } = result;
  const issuedAt = Math.floor(result.nowMs / SECOND_MS);
  const claims = {
    iss: deps.publicUrl,
    aud: new URL(redirectURLOf(session)).origin,
    sub: session.sessionId,
    sid: session.sessionId,
    status: isSuccess(session) ? 'SUCCESS' : 'FAILED',
    type: session.spelledType,
    nonce: session.nonce,
    iat: issuedAt,
    exp: issuedAt + RESULT_LIFE_SECONDS,
    jti: randomId(),
  };
  return await signClaims(deps.signingKey, { typ: 'lethe-result+jwt', claims });
}

/**
 * Where the browser goes when the session has ended: `redirectURL`, or `failureUrl` after a failure
 * where there is one, with `reason` and `result` appended. The integrator's own query and fragment
 * stay as they are, byte for byte; where it has a key of that name, ours is `lethe_reason` or
 * `lethe_result`, and where it has that too, ours is left out.
 */
export function redirectTarget(redirect: {
  session: Session;
  reason: string;
  /** Left out when undefined. */
  resultJws: string | undefined;
}): string {
  const url = redirectURLOf(redirect.session);
  const hashAt = url.indexOf('#');
  const address = hashAt < 0 ? url : url.slice(0, hashAt);
  const fragment = hashAt < 0 ? '' : url.slice(hashAt);
  const queryAt = address.indexOf('?');
  const taken = new URLSearchParams(queryAt < 0 ? '' : address.slice(queryAt + 1));
  const added = Object.entries({ reason: redirect.reason, result: redirect.resultJws }).flatMap(
    ([name, value]) => {
      if (value === undefined) return [];
      const key = [name, `lethe_${name}`].find((candidate) => !taken.has(candidate));
      return key === undefined ? [] : [`${key}=${encodeURIComponent(value)}`];
    },
  );
  if (added.length === 0) return url;
  return [address, separatorAfter(address, queryAt), added.join('&'), fragment].join('');
}

function redirectURLOf(session: Session): string {
  return isSuccess(session) ? session.redirectURL : (session.failureUrl ?? session.redirectURL);
}

function isSuccess(session: Session): boolean {
  return session.state === 'SUCCESS';
}

function separatorAfter(address: string, queryAt: number): string {
  if (queryAt < 0) return '?';
  return /[?&]$/.test(address) ? '' : '&';
}
