import { describe, expect, test } from '@jest/globals';
import { type PresentedCredentials, presentedCredentials } from '../../src/access/presented.js';

const ALIASES: readonly [keyof PresentedCredentials, readonly string[]][] = [
  ['apiKey', ['x_api_key', 'x-api-key', 'X-API-Key', 'X_API_KEY']],
  ['clientId', ['clientID', 'clientId', 'client-id', 'x-client-id', 'client_id', 'X-Client-ID']],
  [
    'clientSecret',
    ['clientSecret', 'client-secret', 'x-client-secret', 'client_secret', 'CLIENTSECRET'],
  ],
  ['slc', ['SLC', 'slc', 'x-slc', 'X-SLC']],
];

const SPELLINGS = ALIASES.flatMap(([thing, names]) => names.map((name) => [name, thing] as const));
const PAIRS = ALIASES.flatMap(([, names]) =>
  names.flatMap((one) => names.map((other) => [one, other] as const)),
);

describe('presentedCredentials', () => {
  test.each(SPELLINGS)('when a value comes as %s, then it is the %s', (name, thing) => {
    expect(presentedCredentials(['Host', 'a', name, 'value'])).toEqual({ [thing]: 'value' });
  });

  test.each(PAIRS)('when %s and %s differ, then the request is unauthenticated', (one, other) => {
    expect(() => presentedCredentials([one, 'value', other, 'Value'])).toThrow(
      expect.objectContaining({ code: 'UNAUTHENTICATED' }),
    );
  });

  test.each(PAIRS)('when %s and %s agree, then the value counts once', (one, other) => {
    const values = Object.values(presentedCredentials([one, 'value', other, 'value']) ?? {});
    expect(values).toEqual(['value']);
  });

  test('when everything is presented, then each thing has its place', () => {
    const headers = ['SLC', 's', 'clientSecret', 'c', 'clientID', 'i', 'x_api_key', 'k'];
    expect(presentedCredentials(headers)).toEqual({
      apiKey: 'k',
      clientId: 'i',
      clientSecret: 'c',
      slc: 's',
    });
  });

  test.each([
    ['no header at all', []],
    ['Authorization: skip-auth', ['Authorization', 'skip-auth']],
    ['Authorization: Bearer', ['authorization', 'Bearer x_api_key']],
    ['a header that only looks like one', ['x-api-keys', 'k', 'apikey', 'k', 'secret', 's']],
  ])('when there is %s, then nothing is presented', (_, headers) => {
    expect(presentedCredentials(headers)).toBeUndefined();
  });

  test('when Authorization comes with an API key, then the key alone is presented', () => {
    expect(presentedCredentials(['Authorization', 'skip-auth', 'x-api-key', 'k'])).toEqual({
      apiKey: 'k',
    });
  });

  test('when a value is empty, then it is presented, and conflicts with one that is not', () => {
    expect(presentedCredentials(['x-api-key', ''])).toEqual({ apiKey: '' });
    expect(() => presentedCredentials(['x-api-key', '', 'x_api_key', 'k'])).toThrow(
      expect.objectContaining({ code: 'UNAUTHENTICATED' }),
    );
  });

  test('when a value is longer than 4,096 characters, then the request is unauthenticated', () => {
    expect(presentedCredentials(['SLC', 'a'.repeat(4_096)])).toBeDefined();
    expect(() => presentedCredentials(['SLC', 'a'.repeat(4_097)])).toThrow(
      expect.objectContaining({ code: 'UNAUTHENTICATED' }),
    );
  });
});
