import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { checkpointLine, LINE_LIMIT_BYTES } from '../../src/audit/log-line.js';
import { verifyLog } from '../../src/audit/verify.js';
import {
  entryAt,
  exported,
  found,
  publicKeys,
  sampleBatches,
  testKey,
  verifyLines,
  verifyText,
} from './sample-log.js';

const { lines, heads } = exported(sampleBatches());
const text = lines.map((line) => `${line}\n`).join('');
const boundaries = new Set([3, 5, 8]);

/** The lines with `count` of them, from `index` on, replaced by others. */
function replaced(index: number, count: number, ...others: readonly string[]): string[] {
  return [...lines.slice(0, index), ...others, ...lines.slice(index + count)];
}

describe('verifying an exported log', () => {
  test('when nothing was touched, then it is sound and names its extent', async () => {
    expect(await verifyText(text)).toEqual({
      entries: 5,
      checkpoints: 3,
      from: entryAt(0).at,
      to: entryAt(4).at,
      head: heads[2],
      problemCount: 0,
      problems: [],
    });
  });

  test('when the bytes come one by one, then the report is the same', async () => {
    const keys = publicKeys(testKey());
    const bytes = [...Buffer.from(text)].map((byte) => Uint8Array.of(byte));
    expect(await verifyLog(bytes, { keys })).toEqual(await verifyText(text));
  });

  test('when any byte of a file is changed by a bit, then it is found', async () => {
    const { lines: fewer } = exported(sampleBatches().slice(1));
    const bytes = Buffer.from(fewer.map((line) => `${line}\n`).join(''));
    const missed: number[] = [];
    for (let index = 0; index < bytes.length; index += 1) {
      const changed = Uint8Array.from(bytes);
      changed[index] = (changed[index] ?? 0) ^ (1 << (index % 8));
      const { problemCount } = await verifyText(changed);
      if (problemCount === 0) missed.push(index);
    }
    expect(missed).toEqual([]);
  });

  test('when any bit of a short log is flipped, or any byte left out or put in, then it is found', async () => {
    const short = Buffer.from(
      exported([[entryAt(0)]])
        .lines.map((line) => `${line}\n`)
        .join(''),
    );
    const bits = short.length * 8;
    const flipped = fc.nat(bits - 1).map((bit) => {
      const changed = Uint8Array.from(short);
      changed[bit >> 3] = (changed[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      return changed;
    });
    const at = fc.nat(short.length - 1);
    const cut = at.map((index) =>
      Buffer.concat([short.subarray(0, index), short.subarray(index + 1)]),
    );
    const grown = fc
      .tuple(at, fc.nat(255))
      .map(([index, byte]) =>
        Buffer.concat([short.subarray(0, index), Uint8Array.of(byte), short.subarray(index)]),
      );
    await fc.assert(
      fc.asyncProperty(fc.oneof(flipped, cut, grown), async (changed) => {
        expect((await verifyText(changed)).problemCount).toBeGreaterThan(0);
      }),
      { numRuns: 500 },
    );
  });

  test('when any line is doubled or changes places with the next, then it is found', async () => {
    for (const [index, line] of lines.entries()) {
      const doubled = await verifyLines(replaced(index, 1, line, line));
      expect(doubled.problemCount).toBeGreaterThan(0);
      const next = lines[index + 1];
      if (next === undefined) continue;
      const swapped = await verifyLines(replaced(index, 2, next, line));
      expect(swapped.problemCount).toBeGreaterThan(0);
    }
  });

  test('when any entry is left out, then it is found', async () => {
    for (const index of lines.keys()) {
      if (boundaries.has(index + 1)) continue;
      expect((await verifyLines(replaced(index, 1))).problemCount).toBeGreaterThan(0);
    }
  });

  test('when an entry is left out, then the gap and the broken link are found where they are', async () => {
    const report = await verifyLines(replaced(1, 1));
    expect(found(report)).toEqual([
      '2:CHECKPOINT_MISPLACED',
      '3:SEQUENCE_BROKEN',
      '3:HASH_MISMATCH',
    ]);
    expect(report.head).toBeUndefined();
  });

  test('when only a checkpoint in the middle is left out, then the log is still sound, for the next one covers the same entries', async () => {
    expect(found(await verifyLines(replaced(4, 1)))).toEqual([]);
  });

  test.each([...lines.keys()].slice(1))(
    'when the log is cut after line %i, then it is found, except right after a checkpoint',
    async (count) => {
      const report = await verifyLines(lines.slice(0, count));
      expect(found(report)).toEqual(boundaries.has(count) ? [] : ['0:END_UNSIGNED']);
    },
  );

  test.each([...lines.keys()].slice(1))(
    'when the log is cut after line %i and the last checkpoint was kept, then it is always found',
    async (count) => {
      const report = await verifyLines(lines.slice(0, count), { kept: heads[2] });
      expect(found(report)).toContain(count === 7 ? '0:END_UNSIGNED' : '0:LOG_SHORTENED');
    },
  );

  test.each([0, 1, 2])(
    'when checkpoint %i was kept and the log only grew, then it is sound',
    async (index) => {
      expect(found(await verifyLines(lines, { kept: heads[index] }))).toEqual([]);
    },
  );

  test('when the holder of the key wrote the history anew, then only a kept checkpoint shows it', async () => {
    const [first = [], ...rest] = sampleBatches();
    const rewritten = exported([[entryAt(0, { tenantId: 'other' }), ...first.slice(1)], ...rest]);
    expect(found(await verifyLines(rewritten.lines))).toEqual([]);
    expect(found(await verifyLines(rewritten.lines, { kept: heads[0] }))).toEqual([
      '2:HISTORY_REWRITTEN',
    ]);
  });

  test('when the log was signed again with another key, then the key is not known', async () => {
    const forged = exported(sampleBatches(), testKey(2));
    expect(found(await verifyLines(forged.lines))).toEqual([
      '3:KEY_UNKNOWN',
      '5:KEY_UNKNOWN',
      '8:KEY_UNKNOWN',
    ]);
    const both = publicKeys(testKey(), testKey(2));
    expect(found(await verifyLines(forged.lines, { keys: both }))).toEqual([]);
  });

  test('when a signature of another key is put under the name of the right one, then it is wrong', async () => {
    const [forged] = exported(sampleBatches(), testKey(2)).heads;
    if (forged === undefined) throw new Error('no head');
    const claimed = checkpointLine({ ...forged, kid: testKey().kid });
    expect(found(await verifyLines(replaced(2, 1, claimed)))).toEqual(['3:SIGNATURE_INVALID']);
  });

  test('when the kept checkpoint is signed with an unknown key, then that is said', async () => {
    const foreign = exported(sampleBatches(), testKey(2)).heads[0];
    expect(found(await verifyLines(lines, { kept: foreign }))).toEqual(['0:KEPT_INVALID']);
  });

  test.each([
    [
      'members in another order',
      (line: string) =>
        JSON.stringify({ ...JSON.parse(line), entry: JSON.parse(line).entry }).replace(
          /^\{"entry":(.*),"hash":("[^"]*"),"sequence":0\}$/,
          '{"sequence":0,"entry":$1,"hash":$2}',
        ),
    ],
    [
      'a number in another spelling',
      (line: string) => line.replace('"sequence":0', '"sequence":0e0'),
    ],
    ['a member twice', (line: string) => line.replace('"v":1', '"v":1,"v":1')],
    ['an escape that is not needed', (line: string) => line.replace('"demo"', '"\\u0064emo"')],
    ['a carriage return at the end', (line: string) => `${line}\r`],
  ])('when a line says the same with %s, then it is not canonical', async (_how, change) => {
    const [first = '', ...rest] = lines;
    const changed = change(first);
    expect(JSON.parse(changed)).toEqual(JSON.parse(first));
    expect(changed).not.toBe(first);
    expect(found(await verifyLines([changed, ...rest]))).toEqual(['1:LINE_NOT_CANONICAL']);
  });

  test.each([
    ['no JSON', 'nonsense', 'LINE_MALFORMED'],
    ['nothing', '', 'LINE_MALFORMED'],
    ['an array', '[]', 'LINE_MALFORMED'],
    ['deep nesting', '['.repeat(2_000) + ']'.repeat(2_000), 'LINE_MALFORMED'],
    ['an unknown kind', '{"entry":{},"hash":"","sequence":0,"more":1}', 'LINE_MALFORMED'],
    ['a line that is too long', ' '.repeat(LINE_LIMIT_BYTES + 1), 'LINE_TOO_LONG'],
  ])(
    'when a line holds %s, then that line is named and nothing is thrown',
    async (_what, line, code) => {
      expect(found(await verifyLines([...lines.slice(0, 3), line, ...lines.slice(3)]))).toEqual([
        `4:${code}`,
      ]);
    },
  );

  test('when an entry has a member that entries do not have, then it is not an entry', async () => {
    const { lines: odd } = exported([[{ ...entryAt(0), note: 'Jane' } as never]]);
    expect(found(await verifyLines(odd))).toContain('1:ENTRY_INVALID');
  });

  test('when the file is empty, then that is a problem and not a sound log', async () => {
    expect(found(await verifyText(''))).toEqual(['0:LOG_EMPTY']);
  });

  test('when everything is wrong, then all is counted and the first hundred are listed', async () => {
    const report = await verifyText('x\n'.repeat(5_000));
    expect(report.problemCount).toBe(5_001);
    expect(report.problems).toHaveLength(100);
  });
});
