import { signClaims, verifiedClaims } from '../crypto/jws.js';
import type { SigningKey } from '../crypto/signing-key.js';
import { ServiceError } from '../errors/service-error.js';
import { SECOND_MS } from '../lib/clock.js';
import { randomId } from '../lib/ids.js';
import { isOpen, type Session } from '../sessions/session.js';
import { redirectURLOf } from './redirect.js';

const TYP = 'lethe-result+jwt';
const LIFE_SECONDS = 120;
/** How far the clocks of processes that share a store may be apart. */
const SKEW_SECONDS = 5;

export interface ResultDeps {
  readonly signingKey: SigningKey;
  readonly publicUrl: string;
}

/** What a verified result says besides what its session does. */
interface VerifiedResult {
  /** `jti`: names this result among all of its session. */
  readonly resultId: string;
  readonly status: 'SUCCESS' | 'FAILED';
  /** Origin of the redirect that carried it. */
  readonly origin: string;
  readonly issuedAtMs: number;
  readonly expiresAtMs: number;
}

/**
 * The `result` of a redirect: a compact EdDSA JWS, typ `lethe-result+jwt`, valid for 120 seconds,
 * with the claims iss (PUBLIC_URL), sub and sid (the session), status, type, nonce (the session's
 * challenge), aud (origin of the redirect), iat, exp and jti. It names no subject.
 */
export async function signResult(
  deps: ResultDeps,
  { session, nowMs }: { session: Session; nowMs: number },
): Promise<string> {
  const iat = Math.floor(nowMs / SECOND_MS);
  const lifetime = { iat, exp: iat + LIFE_SECONDS };
  const claims = { ...claimsAbout(deps, session), ...lifetime, jti: randomId() };
  return await signClaims(deps.signingKey, { typ: TYP, claims });
}

/**
 * Checks a `result` that a browser brought back: signed by this service as a result, about this
 * session as it has ended, for the origin of its redirect, at most 120 seconds old. Whether it was
 * used before, the caller finds out. Throws RESULT_INVALID, which does not say what was wrong, and
 * RESULT_EXPIRED for one that was genuine and in time once.
 */
export function verifyResult(
  deps: ResultDeps,
  presented: { session: Session; jws: string; nowMs: number },
): VerifiedResult {
  const { session, jws, nowMs } = presented;
  const claims = verifiedClaims(deps.signingKey, { typ: TYP, jws });
  if (claims === undefined) throw invalid('no JWS of this service');
  if (isOpen(session)) throw invalid('the session is open');
  const expected = claimsAbout(deps, session);
  for (const [name, value] of Object.entries(expected))
    if (claims[name] !== value) throw invalid(`another ${name}`);
  const { iat, exp, jti } = claims;
  if (typeof jti !== 'string' || !Number.isInteger(iat) || !Number.isInteger(exp))
    throw invalid('claims are missing');
  const [issuedAtMs, expiresAtMs] = [Number(iat) * SECOND_MS, Number(exp) * SECOND_MS];
  if (expiresAtMs - issuedAtMs > LIFE_SECONDS * SECOND_MS) throw invalid('lives too long');
  if (issuedAtMs > nowMs + SKEW_SECONDS * SECOND_MS) throw invalid('is of the future');
  if (expiresAtMs <= nowMs) throw new ServiceError('RESULT_EXPIRED');
  return { resultId: jti, status: expected.status, origin: expected.aud, issuedAtMs, expiresAtMs };
}

/** What every result of a session says, whenever it is signed. */
function claimsAbout({ publicUrl }: ResultDeps, session: Session) {
  return {
    iss: publicUrl,
    aud: new URL(redirectURLOf(session)).origin,
    sub: session.sessionId,
    sid: session.sessionId,
    status: session.state === 'SUCCESS' ? ('SUCCESS' as const) : ('FAILED' as const),
    type: session.spelledType,
    nonce: session.nonce,
  };
}

function invalid(detail: string): ServiceError {
  return new ServiceError('RESULT_INVALID', { detail });
}
