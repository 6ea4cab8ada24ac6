import type { Session } from '../sessions/session.js';

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

/** Where a session that has ended leads to, before anything is appended. */
export function redirectURLOf(session: Session): string {
  const { state, redirectURL, failureUrl } = session;
  return state === 'SUCCESS' ? redirectURL : (failureUrl ?? redirectURL);
}

function separatorAfter(address: string, queryAt: number): string {
  if (queryAt < 0) return '?';
  return /[?&]$/.test(address) ? '' : '&';
}
