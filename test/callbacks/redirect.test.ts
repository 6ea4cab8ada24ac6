import { describe, expect, test } from '@jest/globals';
import { createLocalJWKSet, jwtVerify } from 'jose';
import { redirectTarget } from '../../src/callbacks/redirect.js';
import { signResult } from '../../src/callbacks/result.js';
import { endedSession, SESSION_ID, testSigningKey } from './fixtures.js';

function target(redirectURL: string): string {
  return redirectTarget({
    session: endedSession({ redirectURL }),
    reason: 'success',
    resultJws: 'a.b-_.c',
  });
}

describe('the redirect', () => {
  test.each([
    ['https://a.example', 'https://a.example?reason=success&result=a.b-_.c'],
    ['https://a.example/', 'https://a.example/?reason=success&result=a.b-_.c'],
    ['https://a.example/?', 'https://a.example/?reason=success&result=a.b-_.c'],
    ['https://a.example/?x=1', 'https://a.example/?x=1&reason=success&result=a.b-_.c'],
    ['https://a.example/?x=1&', 'https://a.example/?x=1&reason=success&result=a.b-_.c'],
    ['https://a.example/#f?x', 'https://a.example/?reason=success&result=a.b-_.c#f?x'],
    ['https://a.example/?x=1#', 'https://a.example/?x=1&reason=success&result=a.b-_.c#'],
    [
      'https://a.example/d?sessionId=mine&q=%7E+%2f~é#top',
      'https://a.example/d?sessionId=mine&q=%7E+%2f~é&reason=success&result=a.b-_.c#top',
    ],
    [
      'https://a.example/?reason=theirs',
      'https://a.example/?reason=theirs&lethe_reason=success&result=a.b-_.c',
    ],
    [
      'https://a.example/?re%61son=theirs&result',
      'https://a.example/?re%61son=theirs&result&lethe_reason=success&lethe_result=a.b-_.c',
    ],
    [
      'https://a.example/?reason=1&lethe_reason=2&result=3&lethe_result=4#x',
      'https://a.example/?reason=1&lethe_reason=2&result=3&lethe_result=4#x',
    ],
  ])('when redirectURL is %s, then it becomes %s', (redirectURL, expected) => {
    expect(target(redirectURL)).toBe(expected);
  });

  test('when the session failed, then failureUrl is used where there is one', () => {
    const failed = endedSession({ state: 'FAILED', failureUrl: 'https://b.example/no' });
    const given = { reason: 'failed', resultJws: 'r' };
    expect(redirectTarget({ session: failed, ...given })).toBe(
      'https://b.example/no?reason=failed&result=r',
    );
    expect(redirectTarget({ session: { ...failed, state: 'SUCCESS' }, ...given })).toMatch(
      /^https:\/\/app\.example\//,
    );
    expect(redirectTarget({ session: endedSession({ state: 'EXPIRED' }), ...given })).toMatch(
      /^https:\/\/app\.example\//,
    );
  });

  test('when a reason holds other characters, then they are encoded', () => {
    const session = endedSession();
    expect(redirectTarget({ session, reason: 'a&b=c#d', resultJws: 'r' })).toBe(
      'https://app.example/done?reason=a%26b%3Dc%23d&result=r',
    );
  });
});

describe('the result', () => {
  const signingKey = testSigningKey();
  const keys = createLocalJWKSet({ keys: [signingKey.publicJwk] });
  const deps = { signingKey, publicUrl: 'https://lethe.example' };
  const nowMs = 1_800_000_000_500;

  test('when it is verified with the JWKS, then it holds the session and names no subject', async () => {
    const session = endedSession({ redirectURL: 'https://app.example:8443/done?x=1' });
    const result = await signResult(deps, { session, nowMs });
    const { payload, protectedHeader } = await jwtVerify(result, keys, {
      issuer: 'https://lethe.example',
      audience: 'https://app.example:8443',
      typ: 'lethe-result+jwt',
      currentDate: new Date(nowMs),
    });
    expect(protectedHeader).toEqual({ alg: 'EdDSA', typ: 'lethe-result+jwt', kid: signingKey.kid });
    expect(payload).toEqual({
      iss: 'https://lethe.example',
      aud: 'https://app.example:8443',
      sub: SESSION_ID,
      sid: SESSION_ID,
      status: 'SUCCESS',
      type: 'VERIFY',
      nonce: session.nonce,
      iat: 1_800_000_000,
      exp: 1_800_000_120,
      jti: expect.stringMatching(/^[0-9a-f-]{36}$/),
    });
  });

  test('when 121 seconds have passed, then it is refused', async () => {
    const result = await signResult(deps, { session: endedSession(), nowMs });
    const currentDate = new Date(nowMs + 121_000);
    await expect(jwtVerify(result, keys, { currentDate })).rejects.toThrow(/exp/);
  });

  test('when the session failed, then it says so to the origin of failureUrl', async () => {
    const session = endedSession({ state: 'EXPIRED', failureUrl: 'https://b.example/no' });
    const result = await signResult(deps, { session, nowMs });
    const { payload } = await jwtVerify(result, keys, { currentDate: new Date(nowMs) });
    expect(payload).toMatchObject({ status: 'FAILED', aud: 'https://b.example' });
  });

  test('when two are made for one session, then they have different ids', async () => {
    const session = endedSession();
    const first = await signResult(deps, { session, nowMs });
    expect(await signResult(deps, { session, nowMs })).not.toBe(first);
  });
});
