import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { nodePrimitives } from '../../../src/audit/offline/node-primitives.js';
import { formatVerifierKey, parseVerifierKey } from '../../../src/audit/offline/verifier-key.js';
import { webPrimitives } from '../../../src/audit/offline/web-primitives.js';
import vectors from '../../vectors/offline-formats.json' with { type: 'json' };

const published = vectors.signedNote.vkey;
const publicKey = new Uint8Array(32).fill(7);
const parse = async (text: string) => await parseVerifierKey(nodePrimitives, text);

describe('a verifier key', () => {
  test('when the example of C2SP is read, then its parts are those of the text', async () => {
    for (const primitives of [nodePrimitives, webPrimitives]) {
      const key = (await parseVerifierKey(primitives, published))!;
      expect(key).toMatchObject({
        vkey: published,
        name: 'example.com/foo',
        keyId: '530d903a',
        type: 'log',
      });
      expect(Buffer.from(key.publicKey).toString('hex')).toBe(
        'e932791ae6e7a840a46164c904786426d5e7821dd8b29a00d61cae72afdd4da4',
      );
      expect(await formatVerifierKey(primitives, key)).toBe(published);
    }
  });

  test('when the keys that public logs and witnesses publish are read, then they are of their type', async () => {
    const { logKey, witnessKeys } = vectors.witnessed;
    expect((await parse(logKey))?.type).toBe('log');
    for (const vkey of witnessKeys) expect((await parse(vkey))?.type).toBe('witness');
  });

  test('when any key is printed, then it is read as it was', async () => {
    const keys = fc.record({
      name: fc.string({ minLength: 1, maxLength: 40 }).filter((name) => /^[!-*,-~]+$/.test(name)),
      type: fc.constantFrom('log' as const, 'witness' as const),
      publicKey: fc.uint8Array({ minLength: 32, maxLength: 32 }),
    });
    await fc.assert(
      fc.asyncProperty(keys, async (key) => {
        const vkey = await formatVerifierKey(nodePrimitives, key);
        expect(await parse(vkey)).toMatchObject({ ...key, vkey });
      }),
    );
  });

  test('when any character of it is another, then it is refused', async () => {
    for (let at = 0; at < published.length; at += 1) {
      for (const other of ['A', 'a', '0', '+', ' ']) {
        if (published[at] === other) continue;
        const changed = `${published.slice(0, at)}${other}${published.slice(at + 1)}`;
        expect(await parse(changed)).toBeUndefined();
      }
    }
  });

  test('when one public key is of two types, then they are two keys', async () => {
    const [log, witness] = await Promise.all(
      (['log', 'witness'] as const).map(async (type) =>
        parse(await formatVerifierKey(nodePrimitives, { name: 'a', type, publicKey })),
      ),
    );
    expect(log?.keyId).not.toBe(witness?.keyId);
    expect(log?.vkey).not.toBe(witness?.vkey);
  });

  test('when the type is one that is not known, then it is refused, whatever the key id', async () => {
    for (const type of [0x00, 0x02, 0x05, 0x06, 0xff]) {
      const typed = Buffer.concat([Uint8Array.of(type), publicKey]);
      const hash = nodePrimitives.sha256(Buffer.concat([Buffer.from('a\n'), typed]));
      const keyId = Buffer.from(hash.subarray(0, 4)).toString('hex');
      expect(await parse(`a+${keyId}+${typed.toString('base64')}`)).toBeUndefined();
    }
  });

  test.each([
    ['empty', ''],
    ['with spaces around', ` ${published}`],
    ['with a line feed', `${published}\n`],
    ['with an upper-case key id', published.replace('530d903a', '530D903A')],
    ['without key id', published.replace('+530d903a', '')],
    ['too short by a byte', published.slice(0, -4)],
    ['in base64url', published.replaceAll(/\+(?=[^+]*$)/g, '-')],
  ])('when it is %s, then it is refused', async (_what, text) => {
    expect(await parse(text)).toBeUndefined();
  });

  test.each(['', 'a b', 'a+b', 'a\u00a0b', 'a\nb', 'a\u0001', 'é'.repeat(128)])(
    'when the name is %j, then no key is printed',
    async (name) => {
      const printing = formatVerifierKey(nodePrimitives, { name, type: 'log', publicKey });
      await expect(printing).rejects.toThrow(TypeError);
    },
  );

  test('when the name has 255 bytes, then it is read, with one more not', async () => {
    const key = { type: 'log' as const, publicKey };
    const longest = await formatVerifierKey(nodePrimitives, { ...key, name: 'a'.repeat(255) });
    expect((await parse(longest))?.name).toHaveLength(255);
    expect(await parse(`a${longest}`)).toBeUndefined();
  });

  test('when the public key is not of 32 bytes, then none is printed', async () => {
    const short = { name: 'a', type: 'log' as const, publicKey: new Uint8Array(31) };
    await expect(formatVerifierKey(nodePrimitives, short)).rejects.toThrow(TypeError);
  });
});
