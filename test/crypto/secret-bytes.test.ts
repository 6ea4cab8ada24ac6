import { inspect } from 'node:util';
import { describe, expect, test } from '@jest/globals';
import { SecretBytes } from '../../src/crypto/secret-bytes.js';

describe('secret bytes', () => {
  test('when bytes are taken in, then the source is zeroed', () => {
    const source = Uint8Array.from([1, 2, 3]);
    const secret = SecretBytes.take(source);
    expect([...source]).toEqual([0, 0, 0]);
    expect(secret.use((bytes) => [...bytes])).toEqual([1, 2, 3]);
  });

  test('when they are wiped, then the memory that was lent is zero and they cannot be used again', () => {
    const secret = SecretBytes.random(32);
    const lent = secret.use((bytes) => bytes);
    expect(lent.some((byte) => byte !== 0)).toBe(true);
    secret.wipe();
    secret.wipe();
    expect(lent.every((byte) => byte === 0)).toBe(true);
    expect(() => secret.use((bytes) => bytes)).toThrow('wiped');
  });

  test('when they are printed, logged or serialised, then nothing of them shows', () => {
    const secret = SecretBytes.take(new TextEncoder().encode('correct horse'));
    const shown = [
      String(secret),
      inspect(secret, { showHidden: true }),
      JSON.stringify({ secret }),
    ];
    for (const text of shown) {
      expect(text).toContain('[secret]');
      expect(text).not.toContain('correct');
    }
  });

  test('when a small secret is made, then it has an array buffer of its own', () => {
    const secret = SecretBytes.random(32);
    expect(secret.use((bytes) => bytes.buffer.byteLength)).toBe(32);
  });
});
