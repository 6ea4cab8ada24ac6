import { describe, expect, test } from '@jest/globals';
import { hex, parseHex, utf8 } from '../../../src/audit/offline/bytes.js';
import { nodePrimitives } from '../../../src/audit/offline/node-primitives.js';
import { webPrimitives } from '../../../src/audit/offline/web-primitives.js';
import { noteSigner } from '../../support/receipts.js';

const both = [
  ['Node', nodePrimitives],
  ['WebCrypto', webPrimitives],
] as const;

describe.each(both)('the primitives by %s', (_name, primitives) => {
  test('when something is hashed, then it is as FIPS 180 and RFC 4231 say', async () => {
    expect(hex(await primitives.sha256(utf8('abc')))).toBe(
      'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad',
    );
    const keyed = await primitives.hmacSha256(utf8('Jefe'), utf8('what do ya want for nothing?'));
    expect(hex(keyed)).toBe('5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843');
  });

  test('when a signature is verified, then it is as RFC 8032 says, and every byte counts', async () => {
    const publicKey = parseHex('3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c')!;
    const signature = parseHex(
      '92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00',
    )!;
    const message = Uint8Array.of(0x72);
    const verify = async (change: object) =>
      await primitives.verifyEd25519({ publicKey, message, signature, ...change });
    expect(await verify({})).toBe(true);
    expect(await verify({ message: Uint8Array.of(0x73) })).toBe(false);
    expect(await verify({ signature: signature.with(0, 0) })).toBe(false);
    expect(await verify({ publicKey: publicKey.with(0, 0) })).toBe(false);
    expect(await verify({ signature: signature.subarray(1) })).toBe(false);
    expect(await verify({ publicKey: publicKey.subarray(1) })).toBe(false);
    expect(await verify({ publicKey: new Uint8Array(0), signature: new Uint8Array(0) })).toBe(
      false,
    );
  });

  test('when S of a signature is not the least of its kind, then it is refused (RFC 8032 §5.1.7)', async () => {
    const signer = noteSigner('any', 'log');
    const message = utf8('message');
    const publicKey = Buffer.from(signer.vkey.split('+').slice(2).join('+'), 'base64').subarray(1);
    const signature = signer.sign(message);
    const order = 2n ** 252n + 27742317777372353535851937790883648493n;
    const s = BigInt(`0x${hex(Uint8Array.from(signature.subarray(32)).reverse())}`) + order;
    const doubled = Buffer.concat([
      signature.subarray(0, 32),
      Buffer.from(s.toString(16).padStart(64, '0'), 'hex').reverse(),
    ]);
    const verify = async (of: Uint8Array) =>
      await primitives.verifyEd25519({ publicKey, message, signature: of });
    expect([await verify(signature), await verify(doubled)]).toEqual([true, false]);
  });
});
