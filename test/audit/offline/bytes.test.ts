import { randomBytes } from 'node:crypto';
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import {
  base64,
  base64url,
  concat,
  equal,
  hex,
  parseBase64,
  parseBase64url,
  parseHex,
  parseUtf8,
  utf8,
} from '../../../src/audit/offline/bytes.js';

const encodings = [
  { name: 'base64', print: base64, parse: parseBase64 },
  { name: 'base64url', print: base64url, parse: parseBase64url },
  { name: 'hex', print: hex, parse: parseHex },
] as const;

describe.each(encodings)('$name', ({ name, print, parse }) => {
  test('when bytes are printed, then the text is that of Node and is read back', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        const text = print(bytes);
        expect(text).toBe(Buffer.from(bytes).toString(name));
        expect(Buffer.from(parse(text)!)).toEqual(Buffer.from(bytes));
      }),
    );
  });

  test('when any text is read, then it is the one spelling of its bytes, or is refused', () => {
    const alphabet = Array.from('ABYZabyz0189+/-_=f \n\u00e9\u20ac');
    fc.assert(
      fc.property(fc.string({ unit: fc.constantFrom(...alphabet), maxLength: 9 }), (text) => {
        const bytes = parse(text);
        const isCanonical = Buffer.from(text, name).toString(name) === text;
        expect(bytes !== undefined).toBe(isCanonical);
      }),
      { numRuns: 2_000 },
    );
  });

  test('when the text is long, then it takes no time to speak of', () => {
    const bytes = randomBytes(300_000);
    const began = performance.now();
    expect(equal(parse(print(bytes))!, bytes)).toBe(true);
    expect(performance.now() - began).toBeLessThan(1_000);
  });
});

test.each([
  ['base64 without padding', parseBase64, 'AAA'],
  ['base64 with too much padding', parseBase64, 'AAAA===='],
  ['base64 with padding inside', parseBase64, 'AA==AAAA'],
  ['base64 of one character', parseBase64, 'A==='],
  ['base64 with left-over bits', parseBase64, 'AB=='],
  ['base64 of the other alphabet', parseBase64, 'A-_A'],
  ['base64url with padding', parseBase64url, 'AA=='],
  ['base64url with left-over bits', parseBase64url, 'AAB'],
  ['base64url of the other alphabet', parseBase64url, 'A+/A'],
  ['base64url of one character', parseBase64url, 'A'],
  ['base64url beyond ASCII', parseBase64url, 'AAA\u0141'],
  ['hex in upper case', parseHex, 'AB'],
  ['half a byte of hex', parseHex, 'abc'],
])('when %s is read, then it is refused', (_what, parse, text) => {
  expect(parse(text)).toBeUndefined();
});

describe('text and bytes', () => {
  test('when bytes are UTF-8, then they are read, a byte order mark too', () => {
    expect(parseUtf8(utf8('\ufeffè€𝄞'))).toBe('\ufeffè€𝄞');
  });

  test.each(['ff', 'c080', 'eda080', 'e282'])(
    'when bytes are %s, then they are no text',
    (bytes) => {
      expect(parseUtf8(parseHex(bytes)!)).toBeUndefined();
    },
  );

  test('when byte strings are joined and compared, then every byte counts', () => {
    const whole = concat(utf8('ab'), new Uint8Array(0), utf8('c'));
    expect(equal(whole, utf8('abc'))).toBe(true);
    expect(equal(whole, utf8('abd'))).toBe(false);
    expect(equal(whole, utf8('ab'))).toBe(false);
    expect(equal(utf8('ab'), whole)).toBe(false);
  });
});
