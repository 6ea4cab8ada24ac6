import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { parseEmbedding, similarity } from '../../src/biometrics/embedding.js';
import { encoded, face, retaken } from '../support/embeddings.js';

const DIMENSION = 128;
const parse = (embedding: Float32Array) => parseEmbedding(encoded(embedding), DIMENSION);

describe('an embedding', () => {
  test('when it is parsed, then it has length one and its direction', () => {
    const ada = face('ada');
    expect(similarity(parse(ada), parse(ada.map((value) => value * 1000)))).toBeCloseTo(1, 5);
    expect(similarity(parse(ada), parse(ada.map((value) => -value)))).toBeCloseTo(-1, 5);
  });

  test('when one face is taken twice, then it is more similar than two strangers', () => {
    const ada = face('ada');
    expect(similarity(parse(ada), parse(retaken(ada)))).toBeGreaterThan(0.95);
    expect(similarity(parse(ada), parse(face('grace')))).toBeLessThan(0.5);
  });

  test('when two embeddings are compared, then it is their cosine', () => {
    const vector = fc.array(fc.double({ min: -1, max: 1, noNaN: true }), {
      minLength: 4,
      maxLength: 4,
    });
    fc.assert(
      fc.property(vector, vector, (a, b) => {
        const left = Float32Array.from(a);
        const right = Float32Array.from(b);
        const norms = Math.hypot(...left) * Math.hypot(...right);
        fc.pre(Math.hypot(...left) > 1e-3 && Math.hypot(...right) > 1e-3);
        const expected =
          left.reduce((sum, value, index) => sum + value * (right[index] ?? 0), 0) / norms;
        const actual = similarity(
          parseEmbedding(encoded(left), 4),
          parseEmbedding(encoded(right), 4),
        );
        expect(actual).toBeCloseTo(expected, 4);
      }),
    );
  });

  test.each([
    ['a zero vector', encoded(new Float32Array(DIMENSION))],
    ['a vector of noise around zero', encoded(new Float32Array(DIMENSION).fill(1e-30))],
    ['NaN', encoded(face('ada').with(3, Number.NaN))],
    ['infinity', encoded(face('ada').with(127, Number.POSITIVE_INFINITY))],
    ['too few dimensions', encoded(face('ada').subarray(1))],
    ['too many dimensions', encoded(new Float32Array(10_000).fill(1))],
    ['nothing', ''],
    [
      'base64url',
      encoded(new Float32Array(DIMENSION).fill(-1.7)).replaceAll('/', '_').replaceAll('+', '-'),
    ],
    ['base64 without its padding', encoded(face('ada')).replaceAll('=', '')],
    ['base64 with a line break', `${encoded(face('ada'))}\n`],
    ['a text', 'not base64 at all'],
  ])('when it is %s, then it is refused', (_what, text) => {
    expect(() => parseEmbedding(text, DIMENSION)).toThrow(
      expect.objectContaining({ code: 'INVALID_EMBEDDING' }),
    );
  });
});
