import { readFileSync } from 'node:fs';
import { expect, test } from '@jest/globals';
import { signHttpMessage } from '../../src/callbacks/http-signature.js';
import { SecretBytes } from '../../src/crypto/secret-bytes.js';
import { signingKeyFromSeed } from '../../src/crypto/signing-key.js';

interface Vectors {
  readonly signingSeed: string;
  readonly kid: string;
  readonly cases: readonly {
    readonly url: string;
    readonly body: string;
    readonly headers: Parameters<typeof signHttpMessage>[1]['headers'];
    readonly signed: Readonly<Record<string, string>>;
  }[];
}

const vectors = JSON.parse(
  readFileSync(new URL('../vectors/http-signature.json', import.meta.url), 'utf8'),
) as Vectors;
const signingKey = signingKeyFromSeed(SecretBytes.take(Buffer.from(vectors.signingSeed, 'hex')));

test('when the seed is read, then the key has the name of the vectors', () => {
  expect(signingKey.kid).toBe(vectors.kid);
});

test.each(vectors.cases)(
  'when a POST to $url is signed, then its headers are equal',
  async (each) => {
    const { url, headers, body, signed } = each;
    const message = { url, headers, body: Buffer.from(body) };
    expect(await signHttpMessage(signingKey, message)).toEqual(signed);
  },
);
