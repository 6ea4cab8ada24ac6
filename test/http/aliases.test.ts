import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { ServiceError } from '../../src/errors/service-error.js';
import { canonicalBody } from '../../src/http/aliases.js';

function pointersOf(body: unknown): string[] {
  try {
    canonicalBody(body);
    return [];
  } catch (error) {
    if (!(error instanceof ServiceError)) throw error;
    expect(error.code).toBe('VALIDATION_FAILED');
    return error.problems.map(({ pointer }) => pointer);
  }
}

describe('the type', () => {
  test.each([
    ['ENROLL', 'ENROLL'],
    ['REGISTER', 'ENROLL'],
    ['register', 'ENROLL'],
    ['VERIFY', 'VERIFY'],
    ['SIGN-IN', 'SIGN-IN'],
    ['SIGN_IN', 'SIGN-IN'],
    ['signin', 'SIGN-IN'],
    ['DELETE', 'DELETE'],
    ['delete', 'DELETE'],
  ])('when it is %s, then the operation is %s and the spelling is kept', (type, operation) => {
    const { type: found, spelledType, body } = canonicalBody({ type });
    expect({ found, spelledType, body }).toEqual({
      found: operation,
      spelledType: type,
      body: { type: operation },
    });
  });

  test.each([
    'IDENTITY',
    'AGE',
    '',
    ' DELETE',
    'DELETE ',
    'DELETE\0',
    'ſIGN-IN',
    'constructor',
    '__proto__',
    1,
    null,
    ['DELETE'],
    { toString: 'DELETE' },
  ])('when it is %j, then it is refused at /type', (type) => {
    expect(pointersOf({ type })).toEqual(['/type']);
  });

  test('when it is absent, also as an inherited member, then it is refused at /type', () => {
    expect(pointersOf({})).toEqual(['/type']);
    expect(pointersOf(JSON.parse('{"__proto__":{"type":"DELETE"}}'))).toEqual(['/type']);
  });

  test.each([null, [], [{ type: 'DELETE' }], 'DELETE', 1, true])(
    'when the body is %j, then it is refused as a whole',
    (body) => {
      expect(pointersOf(body)).toEqual(['']);
    },
  );
});

describe('the redirect address', () => {
  test.each(['redirectURL', 'redirectUrl', 'successUrl'])(
    'when it is called %s, then it is found',
    (name) => {
      const { body, spelling } = canonicalBody({ type: 'ENROLL', [name]: 'https://a.example' });
      expect(body).toEqual({ type: 'ENROLL', redirectURL: 'https://a.example' });
      expect(spelling.get('/redirectURL')).toBe(`/${name}`);
    },
  );

  test('when two names agree, then it is accepted; failureUrl stays beside it', () => {
    const given = { redirectURL: 'https://a', successUrl: 'https://a', failureUrl: 'https://b' };
    expect(canonicalBody({ type: 'VERIFY', ...given }).body).toEqual({
      type: 'VERIFY',
      redirectURL: 'https://a',
      failureUrl: 'https://b',
    });
  });

  test('when names disagree, then every one that does is pointed to', () => {
    const base = { type: 'ENROLL', redirectURL: 'a' };
    expect(pointersOf({ ...base, redirectUrl: 'b' })).toEqual(['/redirectURL', '/redirectUrl']);
    expect(pointersOf({ ...base, redirectUrl: 'a', successUrl: 'b' })).toEqual([
      '/redirectURL',
      '/successUrl',
    ]);
    expect(pointersOf({ type: 'ENROLL', redirectUrl: {}, successUrl: {} })).toEqual([
      '/redirectUrl',
      '/successUrl',
    ]);
  });
});

describe('the subject', () => {
  test.each(['uuid', 'puid'])('when it is called %s, then it is the uuid', (name) => {
    const { body, spelling } = canonicalBody({ type: 'DELETE', [name]: 'p-1', customerId: 'c-1' });
    expect(body).toEqual({ type: 'DELETE', uuid: 'p-1', customerId: 'c-1' });
    expect(spelling.get('/uuid')).toBe(`/${name}`);
  });

  test('when only customerId is given, then it names the subject and stays', () => {
    const { body, spelling } = canonicalBody({ type: 'DELETE', customerId: 'c-1' });
    expect(body).toEqual({ type: 'DELETE', uuid: 'c-1', customerId: 'c-1' });
    expect(spelling.get('/uuid')).toBe('/customerId');
  });

  test('when uuid and puid differ, then both are pointed to', () => {
    expect(pointersOf({ type: 'DELETE', uuid: 'a', puid: 'b' })).toEqual(['/uuid', '/puid']);
    expect(pointersOf({ type: 'DELETE', uuid: 'a', puid: 'a' })).toEqual([]);
  });

  test('when none is given, then there is none: other members never stand for it', () => {
    const { body } = canonicalBody({ type: 'DELETE', transactionID: 't', guid: 'g' });
    expect(body).toEqual({ type: 'DELETE', transactionID: 't', guid: 'g' });
  });

  test('when the type is VERIFY_ULTRA, then customerId is the subject and required', () => {
    expect(pointersOf({ type: 'VERIFY_ULTRA', uuid: 'a' })).toEqual(['/customerId']);
    expect(pointersOf({ type: 'verify_ultra' })).toEqual(['/customerId']);
    const type = 'VERIFY_ULTRA';
    expect(canonicalBody({ type, customerId: 'c' }).body).toMatchObject({
      type: 'VERIFY',
      uuid: 'c',
    });
    expect(pointersOf({ type, customerId: 'c', uuid: 'a' })).toEqual(['/customerId', '/uuid']);
    expect(pointersOf({ type, customerId: 'c', puid: 'c' })).toEqual([]);
  });
});

test('when the body has any other members, then they come through unchanged and the input stays', () => {
  const taken = new Set([
    'type',
    'redirectURL',
    'redirectUrl',
    'successUrl',
    'uuid',
    'puid',
    'customerId',
  ]);
  const others = fc
    .dictionary(fc.oneof(fc.string(), fc.constant('__proto__')), fc.jsonValue())
    .map((members) =>
      Object.fromEntries(Object.entries(members).filter(([name]) => !taken.has(name))),
    );
  fc.assert(
    fc.property(others, (members) => {
      const input = Object.freeze({ ...members, type: 'register', puid: 'p' });
      expect(canonicalBody(input).body).toEqual({ ...members, type: 'ENROLL', uuid: 'p' });
    }),
  );
});

test('when any JSON value is the body, then it is accepted or refused by the error class', () => {
  fc.assert(
    fc.property(fc.jsonValue(), (value) => {
      expect(() => pointersOf(value)).not.toThrow();
    }),
  );
});
