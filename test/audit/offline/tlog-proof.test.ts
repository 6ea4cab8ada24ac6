import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { formatProof, parseProof } from '../../../src/audit/offline/tlog-proof.js';
import vectors from '../../vectors/offline-formats.json' with { type: 'json' };
import receipt from '../../vectors/receipt.json' with { type: 'json' };

const checkpoint = vectors.witnessed.note;
const hash = (fill: number) => new Uint8Array(32).fill(fill);
const sound = formatProof({ index: 5, path: [hash(1), hash(2)], checkpoint });
const line = Buffer.from(hash(1)).toString('base64');

describe('a C2SP tlog-proof', () => {
  test('when that of another program is read, then it is printed as it was', () => {
    const proof = parseProof(receipt.proof)!;
    expect(proof).toMatchObject({ index: receipt.index, checkpoint: receipt.note });
    expect(formatProof(proof)).toBe(receipt.proof);
  });

  test('when any proof is printed, then it is read as it was', () => {
    const proofs = fc.record(
      {
        index: fc.maxSafeNat(),
        path: fc.array(fc.uint8Array({ minLength: 32, maxLength: 32 }), { maxLength: 53 }),
        checkpoint: fc.constant(checkpoint),
        extra: fc.uint8Array({ minLength: 1 }),
      },
      { requiredKeys: ['index', 'path', 'checkpoint'] },
    );
    fc.assert(
      fc.property(proofs, (proof) => {
        const parsed = parseProof(formatProof(proof));
        expect(parsed).toEqual(proof);
      }),
    );
  });

  test('when any text that is read is printed, then it is the same text', () => {
    for (let at = 0; at < sound.length; at += 1) {
      for (const changed of [
        sound.slice(0, at) + sound.slice(at + 1),
        sound.replace(sound[at]!, 'A'),
      ]) {
        const parsed = parseProof(changed);
        expect(parsed === undefined ? changed : formatProof(parsed)).toBe(changed);
      }
    }
  });

  test.each([
    ['nothing', ''],
    ['another version', sound.replace('@v1', '@v2')],
    ['no first line', sound.slice(sound.indexOf('\n') + 1)],
    ['no index', sound.replace('index 5\n', '')],
    ['two indexes', sound.replace('index 5\n', 'index 5\nindex 5\n')],
    ['an index with a leading zero', sound.replace('index 5', 'index 05')],
    ['a negative index', sound.replace('index 5', 'index -5')],
    ['an index of 2^53', sound.replace('index 5', 'index 9007199254740992')],
    ['two spaces', sound.replace('index 5', 'index  5')],
    ['an empty extra', sound.replace('index', 'extra \nindex')],
    ['an extra that is no base64', sound.replace('index', 'extra A\nindex')],
    ['two extras', sound.replace('index', 'extra AAAA\nextra AAAA\nindex')],
    ['an extra behind the index', sound.replace('index 5\n', 'index 5\nextra AAAA\n')],
    ['a short hash', sound.replace(line, 'AAAA')],
    ['a hash with spaces', sound.replace(line, ` ${line}`)],
    ['54 hashes', sound.replace(line, new Array(53).fill(line).join('\n'))],
    ['carriage returns', sound.replaceAll('\n', '\r\n')],
    ['no checkpoint', sound.slice(0, sound.indexOf('\n\n') + 2)],
    ['a checkpoint without signature', `${sound.slice(0, sound.indexOf('\n\n— '))}\n`],
    [
      'a note that is no checkpoint',
      formatProof({ index: 0, path: [], checkpoint: vectors.poem.note }),
    ],
    ['two empty lines', sound.replace('\n\n', '\n\n\n')],
    ['something behind it', `${sound}\n`],
  ])('when it has %s, then it is refused', (_what, text) => {
    expect(text).not.toBe(sound);
    expect(parseProof(text)).toBeUndefined();
  });

  test('when it is longer than any, then it is refused before it is taken apart', () => {
    const long = formatProof({ index: 0, path: [], checkpoint, extra: new Uint8Array(131_072) });
    expect(parseProof(long)).toBeUndefined();
  });
});
