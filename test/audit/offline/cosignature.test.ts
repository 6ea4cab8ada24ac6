import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import {
  cosignedMessage,
  parseTimestampedSignature,
  timestampedSignatureBytes,
} from '../../../src/audit/offline/cosignature.js';
import { parseNote } from '../../../src/audit/offline/note.js';
import vectors from '../../vectors/offline-formats.json' with { type: 'json' };

const { note, timeSeconds } = vectors.cosigned;
const signature = new Uint8Array(64).fill(5);

describe('the cosignature of a witness', () => {
  test('when that of the example of C2SP is read, then it is of its time', () => {
    const [, line] = parseNote(note)!.signatures;
    const signed = parseTimestampedSignature(line!.signature)!;
    expect(signed.timeSeconds).toBe(timeSeconds);
    expect(timestampedSignatureBytes(signed)).toEqual(line!.signature);
  });

  test('when the message of the example is made, then it is that of C2SP, byte for byte', () => {
    expect(Buffer.from(cosignedMessage(timeSeconds, parseNote(note)!.text)).toString()).toBe(
      [
        'cosignature/v1',
        'time 1679315147',
        'example.com/behind-the-sofa',
        '20852163',
        'CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=',
        '',
      ].join('\n'),
    );
  });

  test('when any is printed, then it is 72 bytes, and is read as it was', () => {
    const all = fc.record({
      timeSeconds: fc.maxSafeNat(),
      signature: fc.uint8Array({ minLength: 64, maxLength: 64 }),
    });
    fc.assert(
      fc.property(all, (signed) => {
        const bytes = timestampedSignatureBytes(signed);
        expect(bytes).toHaveLength(72);
        expect(parseTimestampedSignature(bytes)).toEqual(signed);
      }),
    );
  });

  test('when the bytes lie in the middle of others, then those are not read', () => {
    const bytes = timestampedSignatureBytes({ timeSeconds, signature });
    const inside = Buffer.concat([Buffer.alloc(3, 1), bytes, Buffer.alloc(3, 1)]).subarray(3, 75);
    expect(parseTimestampedSignature(inside)?.timeSeconds).toBe(timeSeconds);
  });

  test.each([
    ['a byte short', new Uint8Array(71)],
    ['a byte long', new Uint8Array(73)],
    ['empty', new Uint8Array(0)],
    ['of a time from 2^53 on', new Uint8Array(72).with(1, 0x20)],
    ['of a time from 2^63 on', new Uint8Array(72).with(0, 0x80)],
  ])('when it is %s, then it is refused', (_what, bytes) => {
    expect(parseTimestampedSignature(bytes)).toBeUndefined();
  });
});
