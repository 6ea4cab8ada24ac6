import { describe, expect, test } from '@jest/globals';
import { nodePrimitives } from '../../../src/audit/offline/node-primitives.js';
import { noteWith, parseNote, signatureLine } from '../../../src/audit/offline/note.js';
import { parseVerifierKey, type VerifierKey } from '../../../src/audit/offline/verifier-key.js';
import { verifyCheckpoint } from '../../../src/audit/offline/verify-checkpoint.js';
import { webPrimitives } from '../../../src/audit/offline/web-primitives.js';
import {
  checkpointOf,
  cosigned,
  type NoteSigner,
  noteSigner,
  signed,
  testLog,
  testWitness,
} from '../../support/receipts.js';
import vectors from '../../vectors/offline-formats.json' with { type: 'json' };

const text = checkpointOf(testLog.name, ['a', 'b', 'c']);
const ownLine = signed(testLog, text);
const witnessLine = cosigned(testWitness, text, 1_000);

async function keysOf(...vkeys: readonly (string | NoteSigner)[]): Promise<VerifierKey[]> {
  return await Promise.all(
    vkeys.map(async (given) => {
      const vkey = typeof given === 'string' ? given : given.vkey;
      return (await parseVerifierKey(nodePrimitives, vkey))!;
    }),
  );
}

/** Verifies lines under the text with the keys of the test log and the test witness. */
async function verify(lines: readonly string[], body = text) {
  return await verifyCheckpoint(nodePrimitives, {
    note: noteWith(body, lines),
    logKeys: await keysOf(testLog),
    witnesses: await keysOf(testWitness),
  });
}

describe('a checkpoint that a public log published', () => {
  const { note, logKey, witnessKeys } = vectors.witnessed;

  test('when it is verified with the keys that log and witnesses publish, then all signatures hold', async () => {
    for (const primitives of [nodePrimitives, webPrimitives]) {
      const logKeys = await keysOf(logKey);
      const witnesses = await keysOf(...witnessKeys);
      const verified = await verifyCheckpoint(primitives, { note, logKeys, witnesses });
      expect(verified).toMatchObject({
        checkpoint: { origin: 'arche2025h1.staging.ct.transparency.dev', size: 1_432_088_532 },
        signedBy: logKeys,
        cosignedBy: witnesses.map((key) => ({ key, timeSeconds: 1_779_573_024 })),
      });
    }
  });

  test('when its size is changed, then the first known key condemns it', async () => {
    const changed = { note: note.replace('1432088532', '1432088533') };
    const [logKeys, witnesses] = [await keysOf(logKey), await keysOf(...witnessKeys)];
    expect(await verifyCheckpoint(nodePrimitives, { ...changed, logKeys, witnesses })).toEqual({
      code: 'CHECKPOINT_SIGNATURE_INVALID',
    });
    expect(await verifyCheckpoint(nodePrimitives, { ...changed, logKeys: [], witnesses })).toEqual({
      code: 'COSIGNATURE_INVALID',
    });
  });
});

describe('a checkpoint', () => {
  test('when log and witness signed it, then it says who and when', async () => {
    expect(await verify([ownLine, witnessLine])).toMatchObject({
      checkpoint: { origin: testLog.name, size: 3 },
      signedBy: [{ vkey: testLog.vkey }],
      cosignedBy: [{ key: { vkey: testWitness.vkey }, timeSeconds: 1_000 }],
    });
  });

  test('when two keys of the log sign it, then either is enough, and both are named', async () => {
    const next = noteSigner(testLog.name, 'log', 'generation 2');
    const note = noteWith(text, [signed(next, text), ownLine]);
    for (const known of [[testLog], [next], [testLog, next]]) {
      const verified = await verifyCheckpoint(nodePrimitives, {
        note,
        logKeys: await keysOf(...known),
        witnesses: [],
      });
      expect(verified).toMatchObject({ signedBy: known.map(({ vkey }) => ({ vkey })) });
    }
  });

  test('when lines of unknown keys are in it, even with a known name or id, then they are read over', async () => {
    const signature = new Uint8Array(64);
    const sameName = signatureLine({ name: testLog.name, keyId: '00000000', signature });
    const sameId = signatureLine({ name: 'other', keyId: testLog.keyId, signature });
    expect(await verify([sameName, ownLine, sameId])).toMatchObject({ cosignedBy: [] });
  });

  test('when a witness cosigned twice, then the first time counts, and both must hold', async () => {
    const later = cosigned(testWitness, text, 2_000);
    expect(await verify([ownLine, later, witnessLine])).toMatchObject({
      cosignedBy: [{ timeSeconds: 1_000 }],
    });
    const forged = signatureLine({ ...testWitness, signature: new Uint8Array(72) });
    expect(await verify([ownLine, witnessLine, forged])).toEqual({ code: 'COSIGNATURE_INVALID' });
  });

  test('when the time of a cosignature is changed, then it does not hold', async () => {
    const { signature } = parseNote(noteWith(text, [witnessLine]))!.signatures[0]!;
    const moved = signatureLine({ ...testWitness, signature: signature.with(7, 0) });
    expect(await verify([ownLine, moved])).toEqual({ code: 'COSIGNATURE_INVALID' });
  });

  test.each([
    ['no line of a known key', [signed(noteSigner('other', 'log'), text)], 'CHECKPOINT_UNSIGNED'],
    ['only a witness', [witnessLine], 'CHECKPOINT_UNSIGNED'],
    [
      'a wrong signature beside a right one',
      [ownLine, signed(testLog, `${text}x\n`)],
      'CHECKPOINT_SIGNATURE_INVALID',
    ],
    [
      'a signature that is too short',
      [signatureLine({ ...testLog, signature: new Uint8Array(63) })],
      'CHECKPOINT_SIGNATURE_INVALID',
    ],
    [
      'a cosignature without time',
      [ownLine, signatureLine({ ...testWitness, signature: new Uint8Array(64) })],
      'COSIGNATURE_INVALID',
    ],
    [
      'a cosignature of another text',
      [ownLine, cosigned(testWitness, `${text}x\n`, 1)],
      'COSIGNATURE_INVALID',
    ],
  ] as const)('when it has %s, then it is refused', async (_what, lines, code) => {
    expect(await verify(lines)).toEqual({ code });
  });

  test('when a key of another log signed it, then it is not of that log', async () => {
    const foreign = checkpointOf('another.example/log', ['a']);
    expect(await verify([signed(testLog, foreign)], foreign)).toEqual({ code: 'ORIGIN_MISMATCH' });
  });

  test('when the text is no checkpoint, then it is refused, whoever signed it', async () => {
    const other = 'just\nwords\n';
    expect(await verify([signed(testLog, other)], other)).toEqual({ code: 'CHECKPOINT_MALFORMED' });
    expect(await verify([])).toEqual({ code: 'CHECKPOINT_MALFORMED' });
  });

  test('when keys are given at the place of the other type, then they count for nothing', async () => {
    const swapped = await verifyCheckpoint(nodePrimitives, {
      note: noteWith(text, [ownLine, witnessLine]),
      logKeys: await keysOf(testWitness),
      witnesses: await keysOf(testLog),
    });
    expect(swapped).toEqual({ code: 'CHECKPOINT_UNSIGNED' });
  });

  test('when a byte of a note is changed whose keys are all known, then it is refused', async () => {
    const bytes = Buffer.from(noteWith(text, [ownLine, witnessLine]));
    const logKeys = await keysOf(testLog);
    const witnesses = await keysOf(testWitness);
    for (let at = 0; at < bytes.length; at += 1) {
      const changed = Buffer.from(bytes);
      changed[at]! ^= 0x01;
      const note = changed.toString();
      const verified = await verifyCheckpoint(nodePrimitives, { note, logKeys, witnesses });
      // A changed name or key id makes a line that of a stranger: then it vouches for nothing.
      const vouching =
        'code' in verified ? 0 : verified.signedBy.length + verified.cosignedBy.length;
      expect(vouching).toBeLessThan(2);
    }
  });
});
