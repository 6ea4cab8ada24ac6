import { createPublicKey, verify } from 'node:crypto';
import { expect } from '@jest/globals';
import { createLogKeyring, type LogKeyring } from '../../src/audit/log-keys.js';
import type { LogKey, LogSegment } from '../../src/audit/log-store.js';
import { parseBundle } from '../../src/audit/merkle/entry-bundle.js';
import { parseNote } from '../../src/audit/offline/note.js';
import type { ReviewSealer } from '../../src/audit/reviews/record.js';
import { SecretBytes } from '../../src/crypto/secret-bytes.js';
import { utf8Text } from '../../src/lib/bytes.js';
import { ReferenceTree } from './reference-tree.js';

export const ORIGIN = 'log.example/log';

/** The same keys for the same number. */
export function testKeyring(number = 1): LogKeyring {
  return createLogKeyring(SecretBytes.take(new Uint8Array(32).fill(number)));
}

/** The first key of a log, as the store keeps it. */
export function firstKey(keyring: LogKeyring, origin = ORIGIN): LogKey {
  return { generation: 1, vkey: keyring.derive(1, origin).vkey, createdAtMs: 0 };
}

/** Where nobody will read the reviews. */
export const forgetfulReviews: ReviewSealer = {
  seal: () => ({ bucket: 'service', sealed: new Uint8Array(1) }),
};

/** The vkeys that signed a note, in its order; their signatures must hold. */
export function signersOf(checkpoint: string, vkeys: readonly string[]): string[] {
  const note = parseNote(checkpoint);
  if (note === undefined) throw new Error('the checkpoint is no note');
  return note.signatures.map(({ name, keyId, signature }) => {
    const vkey = vkeys.find((text) => text.startsWith(`${name}+${keyId}+`));
    if (vkey === undefined) throw new Error(`the checkpoint is signed by ${name}+${keyId}`);
    const x = Buffer.from(vkey.slice(name.length + 10), 'base64').subarray(1);
    const jwk = { kty: 'OKP', crv: 'Ed25519', x: x.toString('base64url') };
    const key = createPublicKey({ key: jwk, format: 'jwk' });
    expect(verify(null, Buffer.from(note.text), key, signature)).toBe(true);
    return vkey;
  });
}

/**
 * Checks that the segments are one log: without gap and overlap, each under a checkpoint whose text
 * follows from the leaves alone and which the keys signed. Returns the leaves.
 */
export function expectSoundLog(
  segments: readonly LogSegment[],
  keys: readonly LogKey[],
): readonly string[] {
  const leaves = segments.flatMap(({ bundle }) => parseBundle(bundle) ?? []);
  const reference = new ReferenceTree(leaves);
  const vkeys = keys.map(({ vkey }) => vkey);
  let size = 0;
  for (const { start, size: end, bundle, checkpoint } of segments) {
    expect(start).toBe(size);
    size += parseBundle(bundle)?.length ?? 0;
    expect(end).toBe(size);
    const root = Buffer.from(reference.root(0, size), 'hex').toString('base64');
    const [signer = ''] = signersOf(checkpoint, vkeys);
    const [origin = ''] = signer.split('+');
    expect(parseNote(checkpoint)?.text).toBe(`${origin}\n${size.toString()}\n${root}\n`);
  }
  expect(size).toBe(leaves.length);
  return leaves.map(utf8Text);
}

/** The frontier of these leaves, hex, from the reference. */
export function frontierHex(leaves: readonly Uint8Array[]): string {
  const reference = new ReferenceTree(leaves);
  let text = '';
  let start = 0;
  for (let height = 30; height >= 0; height -= 1) {
    const count = 2 ** height;
    if (Math.floor(leaves.length / count) % 2 === 0) continue;
    text += reference.root(start, start + count);
    start += count;
  }
  return text;
}
