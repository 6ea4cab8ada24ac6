import { describe, expect, test } from '@jest/globals';
import { type AddressPolicy, acceptRedirect } from '../../src/callbacks/address-policy.js';
import { acceptCallback, openCallback, sealCallback } from '../../src/callbacks/callback.js';
import { SealBroken } from '../../src/crypto/seal.js';
import { ServiceError } from '../../src/errors/service-error.js';
import { createAddressPolicy } from '../../src/outbound/address-policy.js';
import { SESSION_ID, testSealer } from './fixtures.js';

const policy = createAddressPolicy({ allowHttp: false, ports: [443], privateCidrs: [] });
const anyHost = { policy, hosts: [] };
const url = 'https://hooks.example/in?token=1';

function failure(work: () => unknown): ServiceError {
  try {
    work();
  } catch (error) {
    if (error instanceof ServiceError) return error;
    throw error;
  }
  throw new Error('nothing was refused');
}

describe('a callback', () => {
  test('when it is allowed, then its URL is normalised and its headers keep their values', () => {
    const accepted = acceptCallback(anyHost, {
      url: 'https://HOOKS.example/in?token=1',
      headers: { Authorization: 'Bearer a b\tc', 'X-Trace': '' },
    });
    expect(accepted).toEqual({ url, headers: { authorization: 'Bearer a b\tc', 'x-trace': '' } });
  });

  test('when it has no headers, then it is accepted', () => {
    expect(acceptCallback(anyHost, { url })).toEqual({ url, headers: {} });
  });

  test.each(['Content-Type', 'content-type', 'CONTENT-TYPE'])(
    'when it holds %s, then that is dropped',
    (name) => {
      const accepted = acceptCallback(anyHost, { url, headers: { [name]: 'text/plain' } });
      expect(accepted.headers).toEqual({});
    },
  );

  test('when the address is refused, then the error points to it and does not repeat it', () => {
    const error = failure(() => acceptCallback(anyHost, { url: 'https://10.9.8.7/secret' }));
    expect(error.code).toBe('INVALID_CALLBACK_URL');
    expect(error.problems).toEqual([
      { pointer: '/callback/url', message: expect.stringMatching(/^must /) },
    ]);
    expect(JSON.stringify(error)).not.toContain('10.9.8.7');
  });

  test.each([
    'Host',
    'Connection',
    'Content-Length',
    'Transfer-Encoding',
    'TE',
    'Trailer',
    'Upgrade',
    'Keep-Alive',
    'Proxy-Authorization',
    'Proxy-Connection',
    'Expect',
    'Content-Encoding',
    'Content-Digest',
    'Webhook-Id',
    'Webhook-Signature',
    'Webhook-JWS',
    'Webhook-Anything',
    'Signature',
    'Signature-Input',
    'X-JWS-Signature',
  ])('when it sets the reserved header %s, then it is refused', (name) => {
    const error = failure(() => acceptCallback(anyHost, { url, headers: { [name]: 'x' } }));
    expect(error.code).toBe('INVALID_CALLBACK_HEADERS');
    expect(error.problems.map(({ pointer }) => pointer)).toEqual([`/callback/headers/${name}`]);
  });

  test('when names or values are not allowed in HTTP, then every one is pointed to, escaped', () => {
    const error = failure(() =>
      acceptCallback(anyHost, {
        url,
        headers: {
          'a/b~c': 'x',
          '': 'x',
          'a b': 'x',
          'x-line': 'a\r\nhost: evil',
          'x-null': 'a\u0000',
          'x-wide': 'café',
          fine: 'x',
        },
      }),
    );
    expect(error.code).toBe('INVALID_CALLBACK_HEADERS');
    expect(error.problems.map(({ pointer }) => pointer)).toEqual([
      '/callback/headers/a~1b~0c',
      '/callback/headers/',
      '/callback/headers/a b',
      '/callback/headers/x-line',
      '/callback/headers/x-null',
      '/callback/headers/x-wide',
    ]);
    expect(JSON.stringify(error.problems)).not.toContain('evil');
  });

  test('when the tenant has a list of hosts, then others are refused, and private ones stay so', () => {
    const own = { policy, hosts: ['hooks.example', '*.acme.example', '10.9.8.7'] };
    for (const accepted of ['https://hooks.example/a', 'https://a.b.acme.example/']) {
      expect(acceptCallback(own, { url: accepted }).url).toBe(accepted);
    }
    for (const refused of [
      'https://other.example/secret',
      'https://acme.example/',
      'https://hooks.example./',
      'https://10.9.8.7/',
    ]) {
      const error = failure(() => acceptCallback(own, { url: refused }));
      expect(error.code).toBe('INVALID_CALLBACK_URL');
      expect(error.problems.map(({ pointer }) => pointer)).toEqual(['/callback/url']);
      expect(JSON.stringify(error.problems)).not.toContain('secret');
    }
  });

  test('when a header is given twice in different case, then it is refused', () => {
    const error = failure(() =>
      acceptCallback(anyHost, { url, headers: { Authorization: 'a', authorization: 'b' } }),
    );
    expect(error.problems).toEqual([
      { pointer: '/callback/headers/authorization', message: 'is given twice' },
    ]);
  });

  test('when a header is called __proto__, then it stays a header', () => {
    const headers = JSON.parse('{"__proto__":"x"}') as Record<string, string>;
    const accepted = acceptCallback(anyHost, { url, headers });
    expect(Object.keys(accepted.headers)).toEqual(['__proto__']);
  });

  test('when it is sealed for a session, then it opens for that session alone', async () => {
    const sealer = testSealer();
    const callback = { url, headers: { authorization: 'Bearer s3cret' } };
    const sealedCallback = sealCallback(sealer, { sessionId: SESSION_ID, callback, atMs: 0 });
    expect(Buffer.from(sealedCallback).includes('s3cret')).toBe(false);
    expect(await openCallback(sealer, { sessionId: SESSION_ID, sealedCallback })).toEqual(callback);
    await expect(openCallback(sealer, { sessionId: 'another', sealedCallback })).rejects.toThrow(
      SealBroken,
    );
  });
});

describe('a redirect', () => {
  const pointer = '/redirectURL';
  const lenient: AddressPolicy = { allowHttp: true, refusal: () => undefined };

  test.each([
    'https://app.example/done?sessionId=1&x=%20#top',
    'https://localhost:3000/',
    'https://10.0.0.1/',
    'HTTPS://app.example',
  ])('when it is %s, then it is accepted', (text) => {
    expect(() => acceptRedirect(anyHost, { url: text, pointer })).not.toThrow();
  });

  test.each([
    '',
    'www.google.com',
    '//app.example/',
    '/done',
    'javascript:alert(1)',
    'data:text/html,hi',
    'myapp://done',
    'https:app.example',
    'https:///app.example',
    'https://',
    'https://user@app.example/',
    'https://user:pass@app.example/',
    'https://app.example\\@evil.example/',
    'https://app.example/a b',
    'https://app.example/\r\nset-cookie:a=b',
    'https://app.example/\tx',
    'https://bücher.example/',
    ' https://app.example/',
  ])(
    'when it is "%s", then it is refused with its pointer, whatever the scheme allowed',
    (text) => {
      for (const each of [policy, lenient]) {
        const error = failure(() => {
          acceptRedirect({ policy: each, hosts: [] }, { url: text, pointer });
        });
        expect(error.code).toBe('INVALID_REDIRECT_URL');
        expect(error.problems.map((problem) => problem.pointer)).toEqual([pointer]);
      }
    },
  );

  test('when it is plain http, then it is accepted only where the policy allows http', () => {
    const redirect = { url: 'http://localhost:4000/done', pointer: '/failureUrl' };
    expect(() => acceptRedirect({ policy: lenient, hosts: [] }, redirect)).not.toThrow();
    const error = failure(() => {
      acceptRedirect(anyHost, redirect);
    });
    expect(error.problems.map((problem) => problem.pointer)).toEqual(['/failureUrl']);
  });

  test('when the tenant has a list of hosts, then others are refused', () => {
    const own = { policy, hosts: ['app.example'] };
    const accepted = { url: 'https://APP.example:8443/done', pointer };
    expect(() => acceptRedirect(own, accepted)).not.toThrow();
    for (const url of [
      'https://other.example/',
      'https://app.example.evil.example/',
      'https://sub.app.example/',
      'https://evil.example/?https://app.example/',
    ]) {
      const error = failure(() => {
        acceptRedirect(own, { url, pointer });
      });
      expect(error.code).toBe('INVALID_REDIRECT_URL');
    }
  });
});
