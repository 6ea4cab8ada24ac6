import { Readable } from 'node:stream';
import { describe, expect, test } from '@jest/globals';
import { collectSecret } from '../../src/crypto/collect-secret.js';

const chunksOf = (...texts: string[]) => texts.map((text) => Buffer.from(text));

describe('a body that is collected as a secret', () => {
  test('when it comes in chunks, then it is whole and every chunk is zeroed', async () => {
    const chunks = chunksOf('one ', 'two ', 'three');
    const body = await collectSecret(Readable.from(chunks), 13);
    expect(body.use((bytes) => Buffer.from(bytes).toString())).toBe('one two three');
    expect(chunks.every((chunk) => chunk.every((byte) => byte === 0))).toBe(true);
  });

  test('when it is empty, then so is the secret', async () => {
    expect((await collectSecret(Readable.from([]), 0)).lengthBytes).toBe(0);
  });

  test.each([
    ['shorter', 14],
    ['longer', 12],
    ['longer by a chunk', 8],
  ])(
    'when it is %s than announced, then it is refused and the chunks are zeroed',
    async (_what, lengthBytes) => {
      const chunks = chunksOf('one ', 'two ', 'three');
      await expect(collectSecret(Readable.from(chunks), lengthBytes)).rejects.toThrow(
        'not as long as announced',
      );
      expect(chunks.every((chunk) => chunk.every((byte) => byte === 0))).toBe(true);
    },
  );

  test('when the stream fails or is cut off, then so does the collecting', async () => {
    const failing = new Readable({ read: () => undefined });
    const collecting = collectSecret(failing, 4);
    failing.push('on');
    failing.destroy(new Error('reset'));
    await expect(collecting).rejects.toThrow('reset');
    const cut = new Readable({ read: () => undefined });
    const waiting = collectSecret(cut, 4);
    cut.destroy();
    await expect(waiting).rejects.toThrow('cut off');
  });
});
