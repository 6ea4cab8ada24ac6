import { beforeEach, describe, expect, test } from '@jest/globals';
import type { Cosignature, LogNode, LogSegment } from '../../src/audit/log-store.js';
import { nodePrimitives } from '../../src/audit/offline/node-primitives.js';
import { parsePolicy } from '../../src/audit/offline/policy.js';
import type { VerifierKey } from '../../src/audit/offline/verifier-key.js';
import type { Expectation } from '../../src/audit/reading/signed-head.js';
import type { LogReport } from '../../src/audit/reading/verify-log.js';
import { verifyStoredLog } from '../../src/audit/reading/verify-stored-log.js';
import {
  flipped,
  found,
  ORIGIN,
  SampleLog,
  sampleLeaf,
  sampleWitness,
} from '../support/sample-log.js';

let log: SampleLog;
let logKeys: readonly VerifierKey[];

/** Seven leaves with that of the key in four segments: 0, 2, 3 and 6. */
beforeEach(async () => {
  log = await SampleLog.of([
    [sampleLeaf(1)],
    [sampleLeaf(2)],
    [sampleLeaf(3), sampleLeaf(4), sampleLeaf(5)],
    [sampleLeaf(6)],
  ]);
  logKeys = await log.keys();
});

async function verify(expectation: Partial<Expectation> = {}): Promise<LogReport> {
  return await verifyStoredLog(log.store, { logKeys, ...expectation });
}

/** Verifies with another row in the place of one, then puts the row back. */
async function withRow<Row>(rows: Row[], index: number, row: Row): Promise<LogReport> {
  const [before] = rows.splice(index, 1, row);
  try {
    return await verify();
  } finally {
    rows.splice(index, 1, before as Row);
  }
}

/** Which of the changes nobody found. */
async function missed<Row>(
  rows: Row[],
  changes: (row: Row) => Iterable<readonly [string, Row]>,
): Promise<string[]> {
  const names: string[] = [];
  for (const [index, row] of [...rows].entries())
    for (const [name, changed] of changes(row)) {
      const { problemCount } = await withRow(rows, index, changed);
      if (problemCount === 0) names.push(`row ${index.toString()} ${name}`);
    }
  return names;
}

function* segmentChanges(row: LogSegment): Generator<readonly [string, LogSegment]> {
  for (const change of [-1, 1, 2, 64, 2 ** 40]) {
    yield [`start ${change.toString()}`, { ...row, start: row.start + change }];
    yield [`size ${change.toString()}`, { ...row, size: row.size + change }];
  }
  for (const at of row.bundle.keys())
    yield [`bundle ${at.toString()}`, { ...row, bundle: flipped(row.bundle, at) }];
  for (const at of row.frontier.keys())
    yield [`frontier ${at.toString()}`, { ...row, frontier: flipped(row.frontier, at) }];
  const checkpoint = Buffer.from(row.checkpoint);
  for (const at of checkpoint.keys())
    yield [
      `checkpoint ${at.toString()}`,
      { ...row, checkpoint: Buffer.from(flipped(checkpoint, at)).toString() },
    ];
}

function* nodeChanges(row: LogNode): Generator<readonly [string, LogNode]> {
  yield ['level', { ...row, level: row.level + 1 }];
  yield ['index', { ...row, index: row.index + 1 }];
  for (const at of row.hash.keys())
    yield [`hash ${at.toString()}`, { ...row, hash: flipped(row.hash, at) }];
}

function* cosignatureChanges(row: Cosignature): Generator<readonly [string, Cosignature]> {
  for (const change of [-1, 1, 2, 3, 2 ** 40])
    yield [`size ${change.toString()}`, { ...row, size: row.size + change }];
  for (const member of ['witness', 'line'] as const) {
    const bytes = Buffer.from(row[member]);
    for (const at of bytes.keys())
      yield [
        `${member} ${at.toString()}`,
        { ...row, [member]: Buffer.from(flipped(bytes, at)).toString() },
      ];
  }
}

describe('verifying the log in a store', () => {
  test('when nothing was touched, then it is sound and names its extent', async () => {
    expect(await verify()).toMatchObject({
      ...{ origin: ORIGIN, leaves: 7, problemCount: 0, observationCount: 0 },
      signedBy: [logKeys[0]?.vkey],
      checkpoint: log.checkpoint,
    });
  });

  test('when any byte or number of any segment is changed, then it is found', async () => {
    expect(await missed(log.store.segments, segmentChanges)).toEqual([]);
  });

  test('when two keys sign and any byte of a checkpoint is changed, then it is found too', async () => {
    await log.rotate(60_000);
    logKeys = await log.keys();
    expect((await verify()).problemCount).toBe(0);
    const last = (row: LogSegment) => (row.size === log.size ? segmentChanges(row) : []);
    expect(await missed(log.store.segments, last)).toEqual([]);
  });

  test('when any byte or number of any node is changed, then it is found', async () => {
    await log.append(...Array.from({ length: 600 }, (_, index) => sampleLeaf(index)));
    expect(log.store.nodes).toHaveLength(2);
    expect((await verify()).problemCount).toBe(0);
    expect(await missed(log.store.nodes, nodeChanges)).toEqual([]);
  });

  test('when any row is missing or doubled, then it is found', async () => {
    await log.append(...Array.from({ length: 600 }, (_, index) => sampleLeaf(index)));
    const { segments, nodes } = log.store;
    const removable: [unknown[], number[]][] = [
      [segments, [...segments.keys()].slice(0, -1)],
      [nodes, [...nodes.keys()]],
    ];
    for (const [rows, indexes] of removable)
      for (const index of indexes) {
        const [row] = rows.splice(index, 1);
        expect((await verify()).problemCount).toBeGreaterThan(0);
        rows.splice(index, 0, row);
      }
    segments.splice(1, 0, ...segments.slice(0, 1));
    expect((await verify()).problemCount).toBeGreaterThan(0);
  });

  test('when the last segments are missing, then only a kept checkpoint shows it', async () => {
    const keptCheckpoint = log.checkpoint;
    while (log.store.segments.length > 1) {
      log.store.segments.pop();
      expect(found(await verify())).toEqual([]);
      expect(found(await verify({ keptCheckpoint }))).toEqual(['log LOG_SHORTENED']);
    }
    log.store.segments.pop();
    expect(found(await verify())).toEqual(['log LOG_EMPTY']);
  });

  test('when there is a node without leaves, then it is found', async () => {
    log.store.nodes.push({ level: 1, index: 0, hash: new Uint8Array(32) });
    log.store.nodes.push({ level: 3, index: 7, hash: new Uint8Array(32) });
    expect(found(await verify())).toEqual(['node 1/0 NODE_SURPLUS', 'node 3/7 NODE_SURPLUS']);
  });

  test('when a leaf was changed in its place, then it is told where it is, and once', async () => {
    const [, second] = log.store.segments;
    const bundle = second?.bundle ?? new Uint8Array(0);
    const forged = Buffer.from(bundle).toString('latin1').replace('VERIFY', 'ENROLL');
    const report = await withRow(log.store.segments, 1, {
      ...second!,
      bundle: Buffer.from(forged, 'latin1'),
    });
    expect(found(report)).toEqual([
      'segment 2 FRONTIER_MISMATCH',
      'segment 2 SEGMENT_ROOT_MISMATCH',
    ]);
  });

  test('when a segment cannot be read and its end is signed, then what follows is judged on', async () => {
    const [, second] = log.store.segments;
    const cut = second!.bundle.subarray(1);
    const segment = { ...second!, bundle: cut };
    expect(found(await withRow(log.store.segments, 1, segment))).toEqual([
      'segment 2 ENTRIES_MALFORMED',
    ]);
    const lost = { ...segment, frontier: new Uint8Array(32) };
    expect(found(await withRow(log.store.segments, 1, lost))).toEqual([
      'segment 2 ENTRIES_MALFORMED',
    ]);
  });

  test('when two leaves change places under a checkpoint that was made for them, then only a kept checkpoint shows it', async () => {
    const kept = log.store.segments[2]?.checkpoint;
    log = await SampleLog.of([[2, 1, 3, 4, 5, 6].map((index) => sampleLeaf(index))]);
    expect(found(await verify())).toEqual([]);
    expect(found(await verify({ keptCheckpoint: kept }))).toEqual(['log HISTORY_REWRITTEN']);
  });

  test('when the log was signed again with another key, then every segment tells it', async () => {
    log = await SampleLog.of([[sampleLeaf(1)], [sampleLeaf(2)]], { seed: 2 });
    expect(found(await verify())).toEqual([
      'segment 0 CHECKPOINT_UNSIGNED',
      'segment 2 CHECKPOINT_UNSIGNED',
      'checkpoint CHECKPOINT_UNSIGNED',
    ]);
  });

  test('when a leaf is none, then it is named', async () => {
    await log.append('{"op":"DELETE"}');
    expect(found(await verify())).toEqual(['leaf 7 LEAF_INVALID']);
  });

  test('when the log grows while it is verified, then what came later is not judged', async () => {
    const { readSegments } = log.store;
    let rounds = 0;
    log.store.readSegments = async (...page) => {
      rounds += 1;
      if (rounds === 1)
        await log.append(...Array.from({ length: 600 }, (_, index) => sampleLeaf(index)));
      return await readSegments.apply(log.store, page);
    };
    const report = await verify();
    expect([report.problemCount, report.leaves]).toEqual([0, 7]);
  });

  test('when there are more segments than are read at once, then all are judged', async () => {
    for (let index = 0; index < 150; index += 1) await log.append(sampleLeaf(index));
    expect(await verify()).toMatchObject({ problemCount: 0, leaves: 157 });
    const segments = log.store.segments;
    const last = segments.at(-2)!;
    const report = await withRow(segments, segments.length - 2, {
      ...last,
      bundle: flipped(last.bundle, 40),
    });
    expect(report.problemCount).toBeGreaterThan(0);
  });
});

describe('the cosignatures in a store', () => {
  beforeEach(async () => {
    const witnesses = [
      await sampleWitness('one.example', 8),
      await sampleWitness('two.example', 9),
    ];
    for (const { size, checkpoint } of log.store.segments.slice(1, 3))
      for (const { key, cosign } of witnesses)
        await log.store.addCosignature({ size, witness: key.vkey, line: cosign(checkpoint) });
  });

  test('when nothing was touched, then they are sound', async () => {
    expect(found(await verify())).toEqual([]);
  });

  test('when any byte or the size of any of them is changed, then it is found', async () => {
    expect(await missed(log.store.cosignatures, cosignatureChanges)).toEqual([]);
  });

  test('when one witness stands under the name of another, then it is found and named', async () => {
    const [one, two] = log.store.cosignatures as [Cosignature, Cosignature];
    const report = await withRow(log.store.cosignatures, 0, { ...one, line: two.line });
    expect(found(report)).toEqual(['cosignature 3 one.example COSIGNATURE_INVALID']);
  });

  test('when there are more than are read at once, of one checkpoint or of many, then all are judged', async () => {
    const witness = await sampleWitness('one.example', 8);
    const [first] = log.store.cosignatures as [Cosignature];
    const forged = Array.from({ length: 1_030 }, (_, index) => ({
      ...first,
      size: 2 + (index % 3),
      witness: `${witness.key.vkey}${index.toString()}`,
    }));
    log.store.cosignatures.push(...forged);
    expect((await verify()).problemCount).toBe(1_030);
    for (const row of forged) row.size = 2;
    expect((await verify()).problemCount).toBeGreaterThanOrEqual(1_000);
  });

  test('when a policy asks for witnesses, then what is published must have them', async () => {
    const one = await sampleWitness('one.example', 8);
    const read = async (quorum: string) =>
      await parsePolicy(
        nodePrimitives,
        `witness 1 ${one.key.vkey}
quorum ${quorum}
`,
      );
    const [, , third] = log.store.segments;
    const cosigned = await verify({ policy: await read('1') });
    expect(found(cosigned)).toEqual([]);
    expect(cosigned.cosignedBy.map(({ witness }) => witness)).toEqual([one.key.vkey]);
    expect(cosigned.checkpoint?.startsWith(third?.checkpoint ?? 'none')).toBe(true);
    log.store.cosignatures = [];
    expect(found(await verify({ policy: await read('1') }))).toEqual(['checkpoint QUORUM_MISSING']);
    expect(found(await verify({ policy: await read('none') }))).toEqual([]);
    const line = one.cosign(third?.checkpoint ?? '');
    await log.store.addCosignature({ size: 4, witness: one.key.vkey, line });
    expect(found(await verify({ policy: await read('1') }))).toEqual([
      'cosignature 4 one.example COSIGNATURE_INVALID',
    ]);
  });
});
