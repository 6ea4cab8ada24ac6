import { describe, expect, test } from '@jest/globals';
import { extend, GENESIS_HASH, linkHash } from '../../src/audit/chain.js';
import { checkpointText } from '../../src/audit/checkpoint.js';
import { isAuditEntry } from '../../src/audit/entry.js';
import { parseKeys } from '../../src/audit/keys.js';
import { checkpointLine, recordLine } from '../../src/audit/log-line.js';
import { verifyLog } from '../../src/audit/verify.js';
import { SecretBytes } from '../../src/crypto/secret-bytes.js';
import { signingKeyFromSeed } from '../../src/crypto/signing-key.js';
import vectors from '../vectors/audit-chain.json' with { type: 'json' };

const key = signingKeyFromSeed(SecretBytes.take(Buffer.from(vectors.seedHex, 'hex')));

describe('the audit chain, against vectors that another program made', () => {
  test('when entries are linked, then each hash is the one of the vectors', () => {
    let previous = GENESIS_HASH;
    for (const { sequence, entry, hash } of vectors.records) {
      previous = linkHash({ sequence, previous, entry });
      expect(previous).toBe(hash);
    }
  });

  test('when the log is extended batch by batch, then records, signed text and export are equal to the byte', () => {
    const pending = vectors.entries.map((entry, index) => {
      if (!isAuditEntry(entry)) throw new Error('the vectors hold something else than entries');
      return { entryId: String(index), entry };
    });
    const [first, second] = vectors.checkpoints;
    if (first === undefined || second === undefined) throw new Error('the vectors are short');
    const one = extend(undefined, pending.slice(0, 2), {
      key,
      nowMs: Date.parse(first.checkpoint.signedAt),
    });
    const two = extend(one.checkpoint, pending.slice(2), {
      key,
      nowMs: Date.parse(second.checkpoint.signedAt),
    });
    expect(one.checkpoint).toEqual(first.checkpoint);
    expect(two.checkpoint).toEqual(second.checkpoint);
    expect(Buffer.from(checkpointText(two.checkpoint)).toString()).toBe(second.text);
    const lines = [one, two].flatMap(({ records, checkpoint }) => [
      ...records.map(recordLine),
      checkpointLine(checkpoint),
    ]);
    expect(`${lines.join('\n')}\n`).toBe(vectors.export);
  });

  test.each([
    ['JWK set', JSON.stringify(vectors.jwks)],
    ['verifier key', vectors.vkey],
  ])(
    'when the exported vectors are verified with a %s, then they are sound',
    async (_kind, text) => {
      const keys = parseKeys(text);
      if (keys === undefined) throw new Error('the key does not parse');
      const report = await verifyLog([Buffer.from(vectors.export)], { keys });
      expect(report).toEqual({
        entries: 3,
        checkpoints: 2,
        from: '2026-03-01T10:00:00.000Z',
        to: '2026-03-01T10:00:00.200Z',
        head: vectors.checkpoints[1]?.checkpoint,
        problemCount: 0,
        problems: [],
      });
    },
  );
});
