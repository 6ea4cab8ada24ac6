import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { checkpointText, parseCheckpoint } from '../../../src/audit/offline/checkpoint.js';
import { parseNote } from '../../../src/audit/offline/note.js';
import vectors from '../../vectors/offline-formats.json' with { type: 'json' };

const rootHash = new Uint8Array(32).fill(1);
const root = Buffer.from(rootHash).toString('base64');

describe('the text of a checkpoint', () => {
  test.each([vectors.cosigned, vectors.witnessed])(
    'when a published one is read, then it is printed as it was ($source)',
    ({ note }) => {
      const { text } = parseNote(note)!;
      expect(checkpointText(parseCheckpoint(text)!)).toBe(text);
    },
  );

  test('when any checkpoint is printed, then it is read as it was', () => {
    const checkpoints = fc.record({
      origin: fc.string({ minLength: 1 }).filter((origin) => !origin.includes('\n')),
      size: fc.oneof(fc.nat(), fc.maxSafeNat()),
      rootHash: fc.uint8Array({ minLength: 32, maxLength: 32 }),
    });
    fc.assert(
      fc.property(checkpoints, (checkpoint) => {
        expect(parseCheckpoint(checkpointText(checkpoint))).toEqual(checkpoint);
      }),
    );
  });

  test('when it has extension lines, then they are read over', () => {
    const extended = `${checkpointText({ origin: 'o', size: 3, rootHash })}anything at all\nmore\n`;
    expect(parseCheckpoint(extended)).toEqual({ origin: 'o', size: 3, rootHash });
  });

  test.each([
    ['nothing', ''],
    ['two lines', `o\n3\n`],
    ['no line feed at the end', `o\n3\n${root}`],
    ['no origin', `\n3\n${root}\n`],
    ['an empty extension line', `o\n3\n${root}\n\n`],
    ['a leading zero', `o\n03\n${root}\n`],
    ['a sign', `o\n+3\n${root}\n`],
    ['a minus', `o\n-3\n${root}\n`],
    ['a fraction', `o\n3.0\n${root}\n`],
    ['an exponent', `o\n3e0\n${root}\n`],
    ['a hexadecimal size', `o\n0x3\n${root}\n`],
    ['no size', `o\n \n${root}\n`],
    ['a size of 2^53', `o\n9007199254740992\n${root}\n`],
    ['a size beyond all', `o\n${'9'.repeat(400)}\n${root}\n`],
    ['digits of another script', `o\n٣\n${root}\n`],
    ['a shorter hash', `o\n3\n${Buffer.alloc(31).toString('base64')}\n`],
    ['a longer hash', `o\n3\n${Buffer.alloc(33).toString('base64')}\n`],
    ['a hash without padding', `o\n3\n${root.slice(0, -1)}\n`],
    ['a hash of another spelling', `o\n3\n${root.slice(0, -2)}F=\n`],
    ['carriage returns', `o\r\n3\r\n${root}\r\n`],
  ])('when it has %s, then it is refused', (_what, text) => {
    expect(parseCheckpoint(text)).toBeUndefined();
  });
});
