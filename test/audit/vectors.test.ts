import { describe, expect, test } from '@jest/globals';
import { extendLog } from '../../src/audit/extend-log.js';
import { type LogLeaf, leafText, parseLeaf } from '../../src/audit/leaf.js';
import { createLogKeyring } from '../../src/audit/log-keys.js';
import type { LogHead, LogKey } from '../../src/audit/log-store.js';
import { parseBundle } from '../../src/audit/merkle/entry-bundle.js';
import { leafHash } from '../../src/audit/merkle/tree-hash.js';
import { SecretBytes } from '../../src/crypto/secret-bytes.js';
import { hex, utf8, utf8Text } from '../../src/lib/bytes.js';
import vectors from '../vectors/log-formats.json' with { type: 'json' };

const { origin, leaves, segments } = vectors;
const keyring = createLogKeyring(SecretBytes.take(Buffer.from(vectors.masterKeyHex, 'hex')));

describe('the formats of the log, against vectors that another program made', () => {
  test('when keys are derived, then they are those of the vectors, by all their names', () => {
    for (const { generation, publicKeyHex, keyId, vkey } of vectors.keys) {
      const signer = keyring.derive(generation, origin);
      expect(signer).toMatchObject({ generation, name: origin, keyId, vkey });
      expect(signer.publicJwk).toEqual({
        kty: 'OKP',
        crv: 'Ed25519',
        x: Buffer.from(publicKeyHex, 'hex').toString('base64url'),
        kid: keyId,
        alg: 'EdDSA',
        use: 'sig',
      });
    }
  });

  test('when leaves are written, read and hashed, then texts and hashes are equal to the byte', () => {
    for (const { leaf, text, hashHex } of leaves) {
      expect(leafText(leaf as LogLeaf)).toBe(text);
      expect(parseLeaf(text)).toEqual(leaf);
      expect(hex(leafHash(utf8(text)))).toBe(hashHex);
    }
  });

  test('when the log is extended across a rotation, then bundles, frontiers and notes are equal to the byte', () => {
    const [first, second] = vectors.keys.map(({ generation, vkey }) => ({
      generation,
      vkey,
      createdAtMs: 0,
    }));
    const keysOf: LogKey[][] = [[first!], [{ ...first!, signsUntilMs: 1_000 }, second!]];
    let head: LogHead | undefined;
    for (const [at, { start, size, ...expected }] of segments.entries()) {
      const pending = leaves.slice(start, size).map(({ text }) => ({ entryId: '', leaf: text }));
      const keys = keysOf[at] ?? [];
      const { segment } = extendLog({ head, keys }, pending, { keyring, nowMs: 999 });
      expect(segment).toMatchObject({ start, size, checkpoint: expected.checkpoint });
      expect(hex(segment.bundle)).toBe(expected.bundleHex);
      expect(hex(segment.frontier)).toBe(expected.frontierHex);
      head = segment;
    }
  });

  test('when the bundles are parsed, then the leaves are those of the vectors', () => {
    const parsed = segments.flatMap(
      ({ bundleHex }) => parseBundle(Buffer.from(bundleHex, 'hex')) ?? [],
    );
    expect(parsed.map(utf8Text)).toEqual(leaves.map(({ text }) => text));
  });
});
