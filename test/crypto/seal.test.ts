import { createDecipheriv } from 'node:crypto';
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { createCommitments } from '../../src/crypto/commitment.js';
import { deriveKey, lengthPrefixed } from '../../src/crypto/hash.js';
import { open, SealBroken, seal } from '../../src/crypto/seal.js';
import { createSealer } from '../../src/crypto/sealer.js';
import { SecretBytes } from '../../src/crypto/secret-bytes.js';

const bytes = () => fc.uint8Array({ maxLength: 200 });

describe('seal', () => {
  test('when sealed bytes are opened with the same key and data, then they are the plaintext', () => {
    fc.assert(
      fc.property(bytes(), bytes(), (plaintext, aad) => {
        const key = SecretBytes.random(32);
        expect([...open(key, { sealed: seal(key, { plaintext, aad }), aad })]).toEqual([
          ...plaintext,
        ]);
      }),
    );
  });

  test('when any byte of it is changed, then it does not open', () => {
    const key = SecretBytes.random(32);
    const aad = new Uint8Array([1]);
    const sealed = seal(key, { plaintext: new Uint8Array(16), aad });
    for (let index = 0; index < sealed.length; index += 1) {
      const changed = Uint8Array.from(sealed);
      changed[index] = (changed[index] ?? 0) ^ 1;
      expect(() => open(key, { sealed: changed, aad })).toThrow(SealBroken);
    }
  });

  test('when it is cut short, or key or data differ, then it does not open', () => {
    const key = SecretBytes.random(32);
    const aad = new Uint8Array([1]);
    const sealed = seal(key, { plaintext: new Uint8Array(16), aad });
    for (let length = 0; length < sealed.length; length += 1) {
      expect(() => open(key, { sealed: sealed.subarray(0, length), aad })).toThrow(SealBroken);
    }
    expect(() => open(SecretBytes.random(32), { sealed, aad })).toThrow(SealBroken);
    expect(() => open(key, { sealed, aad: new Uint8Array([2]) })).toThrow(SealBroken);
  });

  test('when the shape is taken apart as documented, then AES-256-GCM of node:crypto opens it', () => {
    const keyBytes = Uint8Array.from({ length: 32 }, (_, index) => index);
    const key = SecretBytes.take(Uint8Array.from(keyBytes));
    const sealed = seal(key, {
      plaintext: new TextEncoder().encode('text'),
      aad: new Uint8Array([7]),
    });
    const decipher = createDecipheriv('aes-256-gcm', keyBytes, sealed.subarray(0, 12));
    decipher.setAAD(new Uint8Array([7]));
    decipher.setAuthTag(sealed.subarray(-16));
    const text = decipher.update(sealed.subarray(12, -16)).toString();
    decipher.final();
    expect(text).toBe('text');
  });
});

describe('contexts', () => {
  test('when bytes were sealed for one context, then they do not open in another', () => {
    const sealer = createSealer(SecretBytes.random(32));
    const sealed = sealer.seal(new Uint8Array([1]), 'webhook', 'ab', 'c');
    expect([...sealer.open(sealed, 'webhook', 'ab', 'c')]).toEqual([1]);
    expect(() => sealer.open(sealed, 'webhook', 'a', 'bc')).toThrow(SealBroken);
    expect(() => sealer.open(sealed, 'callback', 'ab', 'c')).toThrow(SealBroken);
  });

  test('when two lists of texts differ, then so do their length-prefixed bytes', () => {
    fc.assert(
      fc.property(fc.array(fc.string()), fc.array(fc.string()), (a, b) => {
        const areEqual = JSON.stringify(a) === JSON.stringify(b);
        expect(Buffer.from(lengthPrefixed(...a)).equals(Buffer.from(lengthPrefixed(...b)))).toBe(
          areEqual,
        );
      }),
    );
  });

  test('when a subject is committed to, then tenant and uuid cannot trade characters', () => {
    const commitments = createCommitments(SecretBytes.random(32));
    const one = commitments.subject({ tenantId: 'ab', uuid: 'c' });
    expect(commitments.subject({ tenantId: 'ab', uuid: 'c' })).toBe(one);
    expect(commitments.subject({ tenantId: 'a', uuid: 'bc' })).not.toBe(one);
    expect(
      createCommitments(SecretBytes.random(32)).subject({ tenantId: 'ab', uuid: 'c' }),
    ).not.toBe(one);
  });

  test('when keys are derived for two purposes, then they differ and are repeatable', () => {
    const key = SecretBytes.random(32);
    const hexOf = (purpose: string) =>
      deriveKey(key, purpose).use((derived) => Buffer.from(derived).toString('hex'));
    expect(hexOf('a')).toBe(hexOf('a'));
    expect(hexOf('a')).not.toBe(hexOf('b'));
  });
});
