import { createCipheriv } from 'node:crypto';
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { decrypt } from '../../src/crypto/decrypt.js';
import { SecretBytes } from '../../src/crypto/secret-bytes.js';
import { hex } from '../../src/lib/bytes.js';

function encrypt(
  content: { key: Uint8Array; iv: Uint8Array; aad: Uint8Array },
  plaintext: Uint8Array,
) {
  const cipher = createCipheriv('aes-256-gcm', content.key, content.iv);
  cipher.setAAD(content.aad);
  // Not at a multiple of 4 in memory, as in the middle of a longer blob.
  const ciphertext = new Uint8Array(plaintext.byteLength + 1).subarray(1);
  ciphertext.set(cipher.update(plaintext));
  cipher.final();
  return { iv: content.iv, aad: content.aad, ciphertext, tag: cipher.getAuthTag() };
}

const bytes = (lengthBytes: number) =>
  fc.uint8Array({ minLength: lengthBytes, maxLength: lengthBytes });
const content = fc.record({ key: bytes(32), iv: bytes(12), aad: fc.uint8Array() });
const plaintexts = fc.uint8Array({ maxLength: 3_000 });
const secret = (key: Uint8Array) => SecretBytes.take(Uint8Array.from(key));

describe('decrypt', () => {
  test('when AES-256-GCM of node:crypto encrypted it, then it is the plaintext, whatever its length', () => {
    fc.assert(
      fc.property(content, plaintexts, (under, plaintext) => {
        const opened = decrypt(secret(under.key), encrypt(under, plaintext));
        expect(opened && hex(opened)).toBe(hex(plaintext));
      }),
    );
  });

  test('when it is a vector of the specification of GCM, then it opens', () => {
    // McGrew and Viega, "The Galois/Counter Mode of Operation", test cases 13 and 14.
    const zeros = (lengthBytes: number) => new Uint8Array(lengthBytes);
    const under = { iv: zeros(12), aad: zeros(0) };
    const fromHex = (text: string) => Uint8Array.from(Buffer.from(text, 'hex'));
    const empty = { ciphertext: zeros(0), tag: fromHex('530f8afbc74536b9a963b4f1c4cb738b') };
    const block = {
      ciphertext: fromHex('cea7403d4d606b6e074ec5d3baf39d18'),
      tag: fromHex('d0d1c8a799996bf0265b98b5d48ab919'),
    };
    expect(decrypt(secret(zeros(32)), { ...under, ...empty })).toEqual(zeros(0));
    expect(decrypt(secret(zeros(32)), { ...under, ...block })).toEqual(zeros(16));
  });

  test('when any bit of IV, associated data, ciphertext or tag differs, then it does not open', () => {
    const under = {
      key: new Uint8Array(32).fill(1),
      iv: new Uint8Array(12),
      aad: new Uint8Array(5),
    };
    const encrypted = encrypt(under, new Uint8Array(37));
    for (const part of ['iv', 'aad', 'ciphertext', 'tag'] as const) {
      for (let bit = 0; bit < encrypted[part].byteLength * 8; bit += 1) {
        const changed = Uint8Array.from(encrypted[part]);
        changed[bit >> 3] = (changed[bit >> 3] ?? 0) ^ (1 << (bit & 7));
        expect(decrypt(secret(under.key), { ...encrypted, [part]: changed })).toBeUndefined();
      }
    }
  });

  test('when the tag is cut short or the key is another one, then it does not open', () => {
    const under = { key: new Uint8Array(32), iv: new Uint8Array(12), aad: new Uint8Array(0) };
    const encrypted = encrypt(under, new Uint8Array(10));
    for (let length = 0; length < 16; length += 1) {
      const tag = encrypted.tag.subarray(0, length);
      expect(decrypt(secret(under.key), { ...encrypted, tag })).toBeUndefined();
    }
    expect(decrypt(SecretBytes.random(32), encrypted)).toBeUndefined();
  });
});
