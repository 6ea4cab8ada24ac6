import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { ServiceError } from '../../src/errors/service-error.js';
import { parseJson } from '../../src/http/parse-json.js';

function bytesOf(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

function refusal(bytes: Uint8Array): string | undefined {
  try {
    parseJson(bytes);
    return undefined;
  } catch (error) {
    if (!(error instanceof ServiceError)) throw error;
    expect(error.code).toBe('MALFORMED_JSON');
    expect(error.cause).toBeUndefined();
    return error.problems[0]?.message;
  }
}

function nest(depth: number, open: string, close: string): string {
  return open.repeat(depth) + close.repeat(depth);
}

/** The key as a JSON string, with every character escaped or only those that must be. */
function spelled(key: string, isEscaped: boolean): string {
  if (!isEscaped) return JSON.stringify(key);
  const units = Array.from({ length: key.length }, (_, at) => key.charCodeAt(at).toString(16));
  return `"${units.map((unit) => `\\u${unit.padStart(4, '0')}`).join('')}"`;
}

describe('parseJson', () => {
  test('when a document has no duplicate keys, then the value is that of JSON.parse', () => {
    fc.assert(
      fc.property(fc.json({ maxDepth: 6 }), (text) => {
        expect(parseJson(bytesOf(text))).toEqual(JSON.parse(text));
      }),
    );
  });

  test('when a text is no JSON for JSON.parse, then it is refused', () => {
    fc.assert(
      fc.property(
        fc.string({ unit: fc.constantFrom(...Array.from('{}[]",:01e-.\\/*ut \n\u00a0')) }),
        (text) => {
          let isJson = true;
          try {
            JSON.parse(text);
          } catch {
            isJson = false;
          }
          const message = refusal(bytesOf(text));
          if (!isJson) expect(message).toBeDefined();
          else if (message !== undefined) expect(message).toMatch(/same key twice|levels/);
        },
      ),
      { numRuns: 2000 },
    );
  });

  test('when any object has a key twice, in any spelling, then it is refused', () => {
    fc.assert(
      fc.property(
        fc.record({
          keys: fc.uniqueArray(fc.string({ unit: 'binary' }), { minLength: 1, maxLength: 6 }),
          pick: fc.nat(),
          isFirstEscaped: fc.boolean(),
          isSecondEscaped: fc.boolean(),
          around: fc.array(
            fc.constantFrom<[string, string]>(['[', ']'], ['{"a":', '}'], ['[1,{"a":', '}]']),
            { maxLength: 8 },
          ),
        }),
        ({ keys, pick, isFirstEscaped, isSecondEscaped, around }) => {
          function wrapped(members: readonly string[]): Uint8Array {
            const innermost = `{${members.map((key) => `${key}:{}`).join(',')}}`;
            const text = around.reduce((inner, [open, close]) => open + inner + close, innermost);
            return bytesOf(text);
          }
          const once = keys.map((key) => spelled(key, isFirstEscaped));
          const twice = spelled(keys[pick % keys.length] ?? '', isSecondEscaped);
          expect(refusal(wrapped(once))).toBeUndefined();
          expect(refusal(wrapped([...once, twice]))).toBe('has an object with the same key twice');
        },
      ),
    );
  });

  test.each([
    ['{"type":"DELETE","type":"REGISTER"}'],
    ['{"type":"DELETE","t\\u0079pe":"REGISTER"}'],
    ['{"type":1,"\\u0074\\u0079\\u0070\\u0065":2}'],
    ['{"callback":{"url":"a","url":"b"}}'],
    ['[{"a":[{"b":1,"c":2,"b":3}]}]'],
    ['{"":1,"":2}'],
    ['{"__proto__":1,"__proto__":2}'],
    ['{"a\\/b":1,"a/b":2}'],
    ['{"\\ud83d\\ude00":1,"😀":2}'],
  ])('when the body is %s, then the duplicate is refused', (text) => {
    expect(refusal(bytesOf(text))).toBe('has an object with the same key twice');
  });

  test('when equal keys are in different objects or are values, then they are accepted', () => {
    expect(parseJson(bytesOf('[{"a":"a"},{"a":{"a":["a","a"]}}]'))).toEqual([
      { a: 'a' },
      { a: { a: ['a', 'a'] } },
    ]);
  });

  test('when a key is __proto__, then it is a plain member', () => {
    const value = parseJson(bytesOf('{"__proto__":{"admin":true}}')) as object;
    expect(Object.getPrototypeOf(value)).toBe(Object.prototype);
    expect(Object.keys(value)).toEqual(['__proto__']);
  });

  test('when the nesting is 32 levels deep, then it is accepted, and deeper is refused', () => {
    expect(refusal(bytesOf(nest(32, '[', ']')))).toBeUndefined();
    expect(refusal(bytesOf(`${'{"a":'.repeat(31)}{}${'}'.repeat(31)}`))).toBeUndefined();
    expect(refusal(bytesOf(nest(33, '[', ']')))).toBe('is more than 32 levels deep');
    expect(refusal(bytesOf(`${'{"a":'.repeat(32)}[]${'}'.repeat(32)}`))).toBe(
      'is more than 32 levels deep',
    );
    expect(refusal(bytesOf(`[${Array(100).fill('[]').join(',')}]`))).toBeUndefined();
  });

  test('when the nesting is 10,000 levels deep, then it is refused and the process goes on', () => {
    expect(refusal(bytesOf(nest(10_000, '[', ']')))).toBe('is more than 32 levels deep');
    expect(refusal(bytesOf(`${'{"a":'.repeat(10_000)}1${'}'.repeat(10_000)}`))).toBe(
      'is more than 32 levels deep',
    );
    expect(refusal(bytesOf('['.repeat(100_000)))).toBe('is not valid JSON');
  });

  test.each<[string, number[], string]>([
    ['nothing', [], 'is empty'],
    ['a byte order mark', [0xef, 0xbb, 0xbf, 0x7b, 0x7d], 'starts with a byte order mark'],
    ['only a byte order mark', [0xef, 0xbb, 0xbf], 'starts with a byte order mark'],
    ['a lone continuation byte', [0x22, 0x80, 0x22], 'is not UTF-8'],
    ['an overlong slash', [0x22, 0xc0, 0xaf, 0x22], 'is not UTF-8'],
    ['an encoded surrogate', [0x22, 0xed, 0xa0, 0x80, 0x22], 'is not UTF-8'],
    ['a cut character', [0x22, 0xe2, 0x82, 0x22], 'is not UTF-8'],
    ['UTF-16', [0xff, 0xfe, 0x7b, 0x00, 0x7d, 0x00], 'is not UTF-8'],
    ['a character above U+10FFFF', [0x22, 0xf4, 0x90, 0x80, 0x80, 0x22], 'is not UTF-8'],
    ['white space', [0x20, 0x0a], 'is not valid JSON'],
  ])('when the body is %s, then it is refused', (_name, bytes, message) => {
    expect(refusal(Uint8Array.from(bytes))).toBe(message);
  });

  test.each([
    '{"a":1,}',
    '[1,]',
    "{'a':1}",
    '{a:1}',
    '{"a":1}//',
    '/**/{}',
    '01',
    '+1',
    'NaN',
    '"\t"',
    '{"a":1}{}',
    '\u00a0{}',
    '{"a" "b"}',
  ])('when the text is %s, then it is refused', (text) => {
    expect(refusal(bytesOf(text))).toBe('is not valid JSON');
  });
});
