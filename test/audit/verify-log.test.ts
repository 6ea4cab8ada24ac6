import { beforeAll, describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { checkpointText } from '../../src/audit/offline/checkpoint.js';
import { nodePrimitives } from '../../src/audit/offline/node-primitives.js';
import { noteWith, parseNote, signatureLine } from '../../src/audit/offline/note.js';
import { parsePolicy } from '../../src/audit/offline/policy.js';
import type { VerifierKey } from '../../src/audit/offline/verifier-key.js';
import type { Expectation } from '../../src/audit/reading/signed-head.js';
import { type LogReport, verifyLog } from '../../src/audit/reading/verify-log.js';
import {
  flipped,
  found,
  ORIGIN,
  SampleLog,
  sampleLeaf,
  sampleWitness,
  sourceOf,
} from '../support/sample-log.js';

const HOUR_SECONDS = 3_600;
const ENTRIES = 'tile/entries/000.p/6';
const TILE = 'tile/0/000.p/6';

let log: SampleLog;
let files: Map<string, Uint8Array>;
let logKeys: readonly VerifierKey[];
/** The checkpoints on the way, by size. */
let kept: Map<number, string>;

beforeAll(async () => {
  log = await SampleLog.of(sampleSegments());
  files = await log.files();
  logKeys = await log.keys();
  kept = new Map(log.store.segments.map(({ size, checkpoint }) => [size, checkpoint]));
});

/** Six leaves with that of the key, under checkpoints of 2, 3 and 6. */
function sampleSegments(): string[][] {
  return [
    [sampleLeaf(1)],
    [sampleLeaf(2, { op: 'DELETE', outcome: 'refused', code: 'UNAUTHENTICATED' })],
    [sampleLeaf(3), sampleLeaf(4), sampleLeaf(5)],
  ];
}

async function verify(
  published: ReadonlyMap<string, Uint8Array>,
  expectation: Partial<Expectation> = {},
): Promise<LogReport> {
  return await verifyLog(sourceOf(published), { logKeys, ...expectation });
}

/** The log with some of its files changed, or taken away. */
function changed(...changes: readonly (readonly [string, Uint8Array | undefined])[]) {
  const result = new Map(files);
  for (const [path, bytes] of changes) {
    if (bytes === undefined) result.delete(path);
    else result.set(path, bytes);
  }
  return result;
}

function file(path: string): Uint8Array {
  const bytes = files.get(path);
  if (bytes === undefined) throw new Error(`there is no ${path}`);
  return bytes;
}

/** The checkpoint of any text, signed with the first key of the keyring of a sample. */
function signedNote(text: string, signedBy = log): Uint8Array {
  const { name, keyId, sign } = signedBy.keyring.derive(1, ORIGIN);
  const line = signatureLine({ name, keyId, signature: sign(Buffer.from(text)) });
  return Buffer.from(noteWith(text, [line]));
}

describe('verifying a published log', () => {
  test('when nothing was touched, then it is sound and names its extent', async () => {
    expect(await verify(files)).toEqual({
      origin: ORIGIN,
      leaves: 6,
      fromSeconds: 1_772_359_200,
      toSeconds: 1_772_359_205,
      signedBy: [logKeys[0]?.vkey],
      cosignedBy: [],
      checkpoint: log.checkpoint,
      problemCount: 0,
      problems: [],
      observationCount: 0,
      observations: [],
    });
  });

  test('when a bit of any byte of a file is flipped, then it is found', async () => {
    const missed: string[] = [];
    for (const [path, bytes] of files)
      for (const index of bytes.keys()) {
        const { problemCount } = await verify(changed([path, flipped(bytes, index)]));
        if (problemCount === 0) missed.push(`${path} ${index.toString()}`);
      }
    expect(missed).toEqual([]);
  });

  test('when any byte is left out, put in or put in the place of another, then it is found', async () => {
    const place = fc
      .constantFrom(...files.keys())
      .chain((path) => fc.tuple(fc.constant(path), fc.nat(file(path).length - 1), fc.nat(255)));
    const change = fc.tuple(place, fc.constantFrom('out', 'in', 'other'));
    await fc.assert(
      fc.asyncProperty(change, async ([[path, index, byte], kind]) => {
        const bytes = Buffer.from(file(path));
        fc.pre(kind !== 'other' || bytes[index] !== byte);
        const part = kind === 'out' ? [] : [byte];
        const rest = bytes.subarray(kind === 'in' ? index : index + 1);
        const result = Buffer.concat([bytes.subarray(0, index), Buffer.from(part), rest]);
        fc.pre(!result.equals(bytes));
        expect((await verify(changed([path, result]))).problemCount).toBeGreaterThan(0);
      }),
      { numRuns: 500 },
    );
  });

  test('when any file is missing or empty, then it is found, and what it was is named', async () => {
    const missing = async (path: string) => found(await verify(changed([path, undefined])));
    expect(await missing(ENTRIES)).toEqual([`${ENTRIES} ENTRIES_MISSING`]);
    expect(await missing(TILE)).toEqual([`${TILE} TILE_MISSING`]);
    expect(await missing('keys')).toEqual(['keys KEYS_MISMATCH']);
    expect(await missing('checkpoint')).toEqual(['checkpoint CHECKPOINT_MALFORMED']);
    const empty = async (path: string) => found(await verify(changed([path, Buffer.of()])));
    expect(await empty(ENTRIES)).toEqual([`${ENTRIES} ENTRIES_MALFORMED`]);
    expect(await empty(TILE)).toEqual([`${TILE} TILE_MISMATCH`]);
    expect(await empty('keys')).toEqual(['keys KEYS_MISMATCH']);
  });

  test('when files hold any bytes, then it is unsound and nothing is thrown', async () => {
    const garbage = fc.tuple(fc.constantFrom(...files.keys()), fc.uint8Array({ maxLength: 300 }));
    await fc.assert(
      fc.asyncProperty(garbage, async ([path, bytes]) => {
        expect((await verify(changed([path, bytes]))).problemCount).toBeGreaterThan(0);
      }),
    );
  });

  test('when two leaves change places, in the bundle or in the tile too, then it is found', async () => {
    const forged = await SampleLog.of([[2, 1, 3, 4, 5].map((index) => sampleLeaf(index))]);
    const swapped = await forged.files();
    const bundle = swapped.get(ENTRIES);
    expect(found(await verify(changed([ENTRIES, bundle])))).toEqual([
      `${TILE} TILE_MISMATCH`,
      'checkpoint ROOT_MISMATCH',
    ]);
    const both = changed([ENTRIES, bundle], [TILE, swapped.get(TILE)]);
    expect(found(await verify(both))).toEqual(['checkpoint ROOT_MISMATCH']);
  });

  test('when the last leaf is cut off, then it is found, with its hash or without', async () => {
    const shorter = await SampleLog.of([[1, 2, 3, 4].map((index) => sampleLeaf(index))]);
    const cut = await shorter.files();
    const bundle = cut.get('tile/entries/000.p/5');
    const tile = cut.get('tile/0/000.p/5');
    expect(found(await verify(changed([ENTRIES, bundle])))).toEqual([
      `${ENTRIES} ENTRIES_MALFORMED`,
    ]);
    const both = changed([ENTRIES, bundle], [TILE, tile]);
    expect(found(await verify(both))).toEqual([`${ENTRIES} ENTRIES_MALFORMED`]);
  });

  test('when a leaf is none, or spelled in another way, then it is named although it is signed', async () => {
    const spaced = sampleLeaf(2).replace(',', ', ');
    const texts = [sampleLeaf(1), spaced, '{}', '', '\u0000', sampleLeaf(6)];
    const odd = await SampleLog.of([texts]);
    expect(found(await verify(await odd.files()))).toEqual([
      'leaf 2 LEAF_INVALID',
      'leaf 3 LEAF_INVALID',
      'leaf 4 LEAF_INVALID',
      'leaf 5 LEAF_INVALID',
    ]);
  });

  test('when a signed checkpoint claims more leaves than there are, then that is told once, at once', async () => {
    const text = checkpointText({ origin: ORIGIN, size: 2 ** 50, rootHash: new Uint8Array(32) });
    const report = await verify(changed(['checkpoint', signedNote(text)]));
    expect(found(report)).toEqual(['tile/entries/000 ENTRIES_MISSING']);
  });

  test('when a signed checkpoint is of no leaf, then there is nothing to verify', async () => {
    const text = checkpointText({
      ...{ origin: ORIGIN, size: 0 },
      rootHash: nodePrimitives.sha256(new Uint8Array(0)),
    });
    expect(found(await verify(changed(['checkpoint', signedNote(text)])))).toEqual([
      'log LOG_EMPTY',
    ]);
  });

  test('when the log is longer than a tile and than a level, then every file is compared', async () => {
    const leaves = Array.from({ length: 66_000 }, (_, index) => sampleLeaf(index));
    const long = await SampleLog.of([leaves]);
    const published = await long.files();
    const source = sourceOf(published);
    const report = await verifyLog(source, { logKeys });
    expect([report.problemCount, report.leaves]).toEqual([0, 66_001]);
    expect([...source.asked, 'checkpoint'].sort()).toEqual([...published.keys()].sort());
    const uppers = [...published.keys()].filter((path) => /^tile\/[12]\//.test(path));
    expect(uppers).toHaveLength(3);
    for (const path of [...uppers, 'tile/0/100', 'tile/entries/257.p/209']) {
      const bytes = published.get(path) ?? Buffer.of();
      const report = await verifyLog(
        sourceOf(new Map([...published, [path, flipped(bytes, bytes.length - 1)]])),
        { logKeys },
      );
      expect(report.problemCount).toBeGreaterThan(0);
    }
  }, 60_000);
});

describe('who signed it', () => {
  test('when it was signed again with another key, then that key is not known', async () => {
    const forged = await SampleLog.of(sampleSegments(), { seed: 2 });
    expect(found(await verify(await forged.files()))).toEqual(['checkpoint CHECKPOINT_UNSIGNED']);
  });

  test('when another key that is trusted too signs the true leaves, then no leaf announces it', async () => {
    const other = await SampleLog.of([], { seed: 2 });
    const { text } = parseNote(log.checkpoint) ?? { text: '' };
    const resigned = changed(['checkpoint', signedNote(text, other)]);
    const both = { logKeys: [...logKeys, ...(await other.keys())] };
    expect(found(await verify(resigned, both))).toEqual(['checkpoint LOG_KEY_UNANNOUNCED']);
  });

  test('when a signature of another key stands under the name of the right one, then it is wrong', async () => {
    const other = await SampleLog.of([], { seed: 2 });
    const { text } = parseNote(log.checkpoint) ?? { text: '' };
    const { name, keyId } = log.keyring.derive(1, ORIGIN);
    const signature = other.keyring.derive(1, ORIGIN).sign(Buffer.from(text));
    const note = Buffer.from(noteWith(text, [signatureLine({ name, keyId, signature })]));
    expect(found(await verify(changed(['checkpoint', note])))).toEqual([
      'checkpoint CHECKPOINT_SIGNATURE_INVALID',
    ]);
  });

  test('when the log goes by another name than its key, then it is not that log', async () => {
    const text = checkpointText({ origin: 'other.example', size: 6, rootHash: new Uint8Array(32) });
    expect(found(await verify(changed(['checkpoint', signedNote(text)])))).toEqual([
      'checkpoint ORIGIN_MISMATCH',
    ]);
  });

  test('when the key was rotated, then who has only the old one is told of the next while both sign', async () => {
    const rotating = await SampleLog.of(sampleSegments());
    await rotating.rotate(1_000);
    const during = await rotating.files();
    const old = await verify(during);
    expect(old.problemCount).toBe(0);
    expect(old.observations).toMatchObject([{ place: 'leaf 6', code: 'LOG_KEY_NOT_GIVEN' }]);
    const all = { logKeys: await rotating.keys() };
    expect(await verify(during, all)).toMatchObject({
      ...{ problemCount: 0, observationCount: 0 },
      signedBy: all.logKeys.map(({ vkey }) => vkey),
    });
    rotating.nowMs += 1_000;
    await rotating.append(sampleLeaf(7));
    const after = await rotating.files();
    expect(found(await verify(after))).toEqual(['checkpoint CHECKPOINT_UNSIGNED']);
    expect(await verify(after, all)).toMatchObject({
      problemCount: 0,
      signedBy: [all.logKeys[1]?.vkey],
    });
  });

  test('when the list of keys lacks one that a leaf announces, then that is a problem', async () => {
    const rotating = await SampleLog.of(sampleSegments());
    await rotating.rotate(1_000);
    const published = await rotating.files();
    const list = Buffer.from(published.get('keys') ?? []).toString();
    const [newest = '', first = ''] = list.split('\n');
    const withList = async (text: string) =>
      await verify(new Map([...published, ['keys', Buffer.from(text)]]), {
        logKeys: await rotating.keys(),
      });
    expect(found(await withList(`${newest}\n`))).toEqual(['keys KEYS_MISMATCH']);
    expect(found(await withList(`${newest}\n${first}`))).toEqual(['keys KEYS_MISMATCH']);
    expect(found(await withList(`${newest}\n${first}\n`))).toEqual([]);
  });

  test('when the list of keys is ahead of the leaves, then that is observed', async () => {
    const rotated = await SampleLog.of(sampleSegments());
    await rotated.rotate(1_000);
    const list = (await rotated.files()).get('keys');
    const report = await verify(changed(['keys', list]));
    expect(report.problemCount).toBe(0);
    expect(report.observations).toMatchObject([{ place: 'keys', code: 'KEY_NOT_ANNOUNCED_YET' }]);
  });

  test('when a policy asks for witnesses, then they must have cosigned, and rightly', async () => {
    const [one, two] = [
      await sampleWitness('one.example', 8),
      await sampleWitness('two.example', 9),
    ];
    const policy = await parsePolicy(
      nodePrimitives,
      `witness 1 ${one.key.vkey}\nwitness 2 ${two.key.vkey}\ngroup both all 1 2\nquorum both\n`,
    );
    const withLines = async (...lines: string[]) =>
      await verify(changed(['checkpoint', Buffer.from(log.checkpoint + lines.join(''))]), {
        policy,
      });
    const lines = [one.cosign(log.checkpoint, 5), two.cosign(log.checkpoint, 6)];
    const cosigned = await withLines(...lines);
    expect(found(cosigned)).toEqual([]);
    expect(cosigned.cosignedBy).toEqual([
      { witness: one.key.vkey, timeSeconds: 5 },
      { witness: two.key.vkey, timeSeconds: 6 },
    ]);
    expect(found(await withLines(lines[0] ?? ''))).toEqual(['checkpoint QUORUM_MISSING']);
    const foreign = two.cosign(kept.get(3) ?? '');
    expect(found(await withLines(lines[0] ?? '', foreign))).toEqual([
      'checkpoint COSIGNATURE_INVALID',
    ]);
  });
});

describe('a checkpoint that was kept', () => {
  test.each([2, 3, 6])(
    'when it was kept at %i leaves, then the log that grew is sound',
    async (size) => {
      expect(found(await verify(files, { keptCheckpoint: kept.get(size) }))).toEqual([]);
    },
  );

  test('when the holder of the key wrote the history anew, then only a kept checkpoint shows it', async () => {
    const [, ...rest] = sampleSegments();
    const rewritten = await SampleLog.of([[sampleLeaf(1, { outcome: 'failed' })], ...rest]);
    const published = await rewritten.files();
    expect(found(await verify(published))).toEqual([]);
    for (const keptCheckpoint of kept.values())
      expect(found(await verify(published, { keptCheckpoint }))).toEqual(['log HISTORY_REWRITTEN']);
  });

  test('when the log was rolled back, then it is shorter than what was kept', async () => {
    const shorter = await SampleLog.of(sampleSegments().slice(0, 2));
    const keptCheckpoint = kept.get(6);
    expect(found(await verify(await shorter.files(), { keptCheckpoint }))).toEqual([
      'log LOG_SHORTENED',
    ]);
  });

  test('when it is of another key or of another log, then it is not compared', async () => {
    const forged = await SampleLog.of(sampleSegments(), { seed: 2 });
    expect(found(await verify(files, { keptCheckpoint: forged.checkpoint }))).toEqual([
      'kept checkpoint KEPT_INVALID',
    ]);
    const other = await SampleLog.of(sampleSegments(), { origin: 'other.example' });
    const report = await verify(files, {
      logKeys: [...logKeys, ...(await other.keys())],
      keptCheckpoint: other.checkpoint,
    });
    expect(found(report)).toEqual(['kept checkpoint KEPT_FOREIGN']);
  });
});

describe('the times in it', () => {
  const at = (seconds: number) => sampleLeaf(seconds);

  test('when the clock was set back by more than an hour, then it is observed once and the log is sound', async () => {
    const first = HOUR_SECONDS + 10;
    const setBack = await SampleLog.of([[at(first), at(9), at(9), at(first)]]);
    const report = await verify(await setBack.files());
    expect(report.problemCount).toBe(0);
    expect(report.observations).toMatchObject([{ place: 'leaf 2', code: 'TIME_RAN_BACK' }]);
  });

  test('when it ran back by an hour or less, or by steps of less that are more together, then it is told as it is', async () => {
    const within = await SampleLog.of([[at(HOUR_SECONDS), at(0)]]);
    expect((await verify(await within.files())).observationCount).toBe(0);
    const steps = await SampleLog.of([[at(HOUR_SECONDS + 100), at(101), at(99)]]);
    expect((await verify(await steps.files())).observations).toMatchObject([{ place: 'leaf 3' }]);
  });

  test('when a leaf says a time that no date has, then it is a time like others', async () => {
    const late = await SampleLog.of([[sampleLeaf(0, { t: Number.MAX_SAFE_INTEGER })]]);
    expect(await verify(await late.files())).toMatchObject({
      problemCount: 0,
      toSeconds: Number.MAX_SAFE_INTEGER,
    });
  });

  test('when there are more findings than are listed, then all are counted', async () => {
    const odd = await SampleLog.of([Array.from({ length: 150 }, () => '{}')]);
    const report = await verify(await odd.files());
    expect([report.problemCount, report.problems.length]).toEqual([150, 100]);
  });
});
