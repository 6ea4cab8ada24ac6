import { beforeAll, describe, expect, test } from '@jest/globals';
import { checkpointText } from '../../src/audit/offline/checkpoint.js';
import { noteWith, signatureLine } from '../../src/audit/offline/note.js';
import type { VerifierKey } from '../../src/audit/offline/verifier-key.js';
import { verifyLogConsistency } from '../../src/audit/reading/verify-consistency.js';
import { flipped, found, ORIGIN, SampleLog, sampleLeaf, sourceOf } from '../support/sample-log.js';

/** One segment for each leaf. */
async function sample(count: number, from = 0): Promise<SampleLog> {
  return await SampleLog.of(
    Array.from({ length: count }, (_, index) => [sampleLeaf(from + index)]),
  );
}

let logKeys: readonly VerifierKey[];

beforeAll(async () => {
  logKeys = await (await sample(0)).keys();
});

async function check(files: ReadonlyMap<string, Uint8Array>, keptCheckpoint: string) {
  const source = sourceOf(files);
  const report = await verifyLogConsistency(source, { logKeys, keptCheckpoint });
  return { ...report, asked: source.asked };
}

function keptAt(log: SampleLog, size: number): string {
  const segment = log.store.segments.find((found) => found.size === size);
  if (segment === undefined) throw new Error(`there is no checkpoint of ${size.toString()}`);
  return segment.checkpoint;
}

describe('a log that grew', () => {
  test('when any of its checkpoints was kept, then every later log continues it', async () => {
    const log = await SampleLog.of([]);
    const kept: string[] = [];
    for (let index = 1; index <= 40; index += 1) {
      await log.append(sampleLeaf(index));
      kept.push(log.checkpoint);
      const files = await log.files();
      for (const checkpoint of kept) expect(found(await check(files, checkpoint))).toEqual([]);
    }
  });

  test('when it grew over the ends of tiles, then it continues every checkpoint before', async () => {
    const log = await SampleLog.of([]);
    const kept: string[] = [];
    for (const count of [1, 200, 54, 1, 1, 255, 256, 1_000]) {
      await log.append(...Array.from({ length: count }, (_, index) => sampleLeaf(index)));
      kept.push(log.checkpoint);
      const files = await log.files();
      for (const checkpoint of kept) expect(found(await check(files, checkpoint))).toEqual([]);
    }
  });

  test('when it is large, then only the tiles on the way are fetched, each once, and no leaf', async () => {
    const log = await SampleLog.of([
      Array.from({ length: 66_000 }, (_, index) => sampleLeaf(index)),
    ]);
    const kept = log.checkpoint;
    await log.append(...Array.from({ length: 5_000 }, (_, index) => sampleLeaf(index)));
    const report = await check(await log.files(), kept);
    expect(report).toMatchObject({
      ...{ problemCount: 0, fromSize: 66_001, toSize: 71_001, origin: ORIGIN },
      checkpoint: log.checkpoint,
    });
    expect(new Set(report.asked).size).toBe(report.asked.length);
    expect(report.asked.length).toBeLessThanOrEqual(6);
    expect(report.asked.filter((path) => path.includes('entries'))).toEqual([]);
  }, 60_000);

  test('when it did not grow, then nothing is fetched', async () => {
    const log = await sample(5);
    const report = await check(await log.files(), log.checkpoint);
    expect([report.problemCount, report.asked]).toEqual([0, []]);
  });
});

describe('a log that does not continue what was kept', () => {
  test('when it was rolled back or cut short, then it is shorter', async () => {
    const log = await sample(9);
    for (const size of [1, 4, 8]) {
      const shorter = await sample(size);
      expect(found(await check(await shorter.files(), log.checkpoint))).toEqual([
        'log LOG_SHORTENED',
      ]);
    }
  });

  test('when one leaf before the kept checkpoint is another, at any place, then it was rewritten', async () => {
    const log = await sample(20);
    for (let forked = 0; forked < 20; forked += 1) {
      const leaves = Array.from({ length: 20 }, (_, index) =>
        sampleLeaf(index, index === forked ? { outcome: 'failed' } : {}),
      );
      const fork = await SampleLog.of([leaves]);
      const files = await fork.files();
      for (const size of [forked + 2, 13, 21]) {
        const isBefore = size <= forked + 1;
        const report = await check(files, keptAt(log, size));
        expect(found(report)).toEqual(isBefore ? [] : ['log HISTORY_REWRITTEN']);
        expect(report.checkpoint === undefined).toBe(!isBefore);
      }
    }
  });

  test('when a fork was shown to somebody else after the kept checkpoint, then each of the two continues it and not the other', async () => {
    const log = await sample(10);
    const kept = log.checkpoint;
    const fork = await sample(10);
    await log.append(sampleLeaf(10));
    await fork.append(sampleLeaf(11));
    const [files, forkedFiles] = [await log.files(), await fork.files()];
    expect(found(await check(files, kept))).toEqual([]);
    expect(found(await check(forkedFiles, kept))).toEqual([]);
    expect(found(await check(forkedFiles, log.checkpoint))).toEqual(['log HISTORY_REWRITTEN']);
    await fork.append(sampleLeaf(12));
    expect(found(await check(await fork.files(), log.checkpoint))).toEqual([
      'log HISTORY_REWRITTEN',
    ]);
  });

  test('when only the tiles are those of a fork, then the fault is in the tiles', async () => {
    const log = await sample(10);
    const fork = await sample(10, 1);
    const files = new Map([...(await log.files())]);
    const path = 'tile/0/000.p/11';
    files.set(path, (await fork.files()).get(path) ?? Buffer.of());
    expect(found(await check(files, keptAt(log, 5)))).toEqual(['log TILE_MISMATCH']);
  });
});

describe('what comes from outside', () => {
  test('when a byte of a tile is changed, then it is found if the proof needs it, and never called a rewriting', async () => {
    const log = await sample(12);
    const files = await log.files();
    const path = 'tile/0/000.p/13';
    const tile = files.get(path) ?? Buffer.of();
    for (const index of tile.keys()) {
      const report = await check(new Map([...files, [path, flipped(tile, index)]]), keptAt(log, 7));
      expect(found(report)).toEqual(['log TILE_MISMATCH']);
    }
  });

  test('when any byte of the newest or of the kept checkpoint is changed, then it is found', async () => {
    const log = await sample(3);
    const files = await log.files();
    const kept = Buffer.from(keptAt(log, 2));
    const newest = Buffer.from(log.checkpoint);
    for (const index of newest.keys()) {
      const changed = new Map([...files, ['checkpoint', flipped(newest, index)]]);
      expect((await check(changed, kept.toString())).problemCount).toBeGreaterThan(0);
    }
    for (const index of kept.keys()) {
      const changed = Buffer.from(flipped(kept, index)).toString();
      expect(found(await check(files, changed))).toEqual(['kept checkpoint KEPT_INVALID']);
    }
  });

  test('when a tile is missing or of another length, then it is named', async () => {
    const log = await sample(12);
    const files = await log.files();
    const path = 'tile/0/000.p/13';
    for (const bytes of [undefined, Buffer.of(), Buffer.alloc(12 * 32), Buffer.alloc(14 * 32)]) {
      const others = [...files].filter(([name]) => name !== path);
      const changed = new Map(bytes === undefined ? others : [...others, [path, bytes]]);
      expect(found(await check(changed, keptAt(log, 7)))).toEqual([`${path} TILE_MISSING`]);
    }
  });

  test('when the log was signed again with another key, then that key is not known', async () => {
    const log = await sample(3);
    const forged = await SampleLog.of([[0, 1, 2].map((index) => sampleLeaf(index))], { seed: 2 });
    expect(found(await check(await forged.files(), log.checkpoint))).toEqual([
      'checkpoint CHECKPOINT_UNSIGNED',
    ]);
  });

  test('when a signed checkpoint claims more leaves than anybody has, then the first tile that is missing is named', async () => {
    const log = await sample(3);
    const { name, keyId, sign } = log.keyring.derive(1, ORIGIN);
    const rootHash = new Uint8Array(32);
    const text = checkpointText({ origin: ORIGIN, size: Number.MAX_SAFE_INTEGER, rootHash });
    const line = signatureLine({ name, keyId, signature: sign(Buffer.from(text)) });
    const files = new Map([['checkpoint', Buffer.from(noteWith(text, [line]))]]);
    expect(found(await check(files, log.checkpoint))).toEqual(['tile/0/000 TILE_MISSING']);
  });
});
