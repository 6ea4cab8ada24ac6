import { describe, expect, test } from '@jest/globals';
import { extend } from '../../src/audit/chain.js';
import { exportLog } from '../../src/audit/export.js';
import type { Checkpoint, LogRecord, LogStore } from '../../src/audit/log-store.js';
import { entryAt, found, testKey, verifyText } from './sample-log.js';

interface Kept {
  readonly records: LogRecord[];
  readonly checkpoints: Checkpoint[];
}

/** A log of `batches` times `entries`, in memory. */
function keptLog(batches: number, entries: number): Kept {
  const kept: Kept = { records: [], checkpoints: [] };
  for (let batch = 0; batch < batches; batch += 1) {
    const pending = Array.from({ length: entries }, (_, index) => ({
      entryId: `${String(batch)}.${String(index)}`,
      entry: entryAt(batch * entries + index),
    }));
    const deps = { key: testKey(), nowMs: batch };
    const { records, checkpoint } = extend(kept.checkpoints.at(-1), pending, deps);
    kept.records.push(...records);
    kept.checkpoints.push(checkpoint);
  }
  return kept;
}

function storeOf({ records, checkpoints }: Kept): LogStore {
  return {
    sequence: async () => 0,
    head: async () => checkpoints.at(-1),
    readRecords: async (from, limit) =>
      records.filter(({ sequence }) => sequence >= from).slice(0, limit),
    readCheckpoints: async (after, limit) =>
      checkpoints.filter(({ size }) => size > after).slice(0, limit),
  };
}

async function exportText(store: LogStore): Promise<string> {
  let text = '';
  for await (const line of exportLog(store)) text += line;
  return text;
}

describe('exporting the audit log', () => {
  test.each([
    [1, 1],
    [3, 600],
    [1_100, 1],
  ])(
    'when %i batches of %i entries are exported, then the whole log verifies',
    async (batches, entries) => {
      const report = await verifyText(await exportText(storeOf(keptLog(batches, entries))));
      expect(found(report)).toEqual([]);
      expect(report).toMatchObject({ entries: batches * entries, checkpoints: batches });
    },
  );

  test('when the log is empty, then the export is too', async () => {
    expect(await exportText(storeOf({ records: [], checkpoints: [] }))).toBe('');
  });

  test('when the log grows during the export, then the export ends at the head that it began with', async () => {
    const kept = keptLog(4, 2);
    const early = { ...storeOf(kept), head: async () => kept.checkpoints[1] };
    const report = await verifyText(await exportText(early));
    expect(found(report)).toEqual([]);
    expect(report.entries).toBe(4);
  });

  test.each([0, 3, 5])(
    'when the store lost record %i, then the export ends and does not verify',
    async (lost) => {
      const kept = keptLog(3, 2);
      kept.records.splice(lost, 1);
      expect((await verifyText(await exportText(storeOf(kept)))).problemCount).toBeGreaterThan(0);
    },
  );

  test('when the store lost the last checkpoint but not its entries, then the export does not hide them', async () => {
    const kept = keptLog(2, 2);
    const { head } = storeOf(kept);
    const damaged = storeOf({ ...kept, checkpoints: kept.checkpoints.slice(0, 1) });
    const report = await verifyText(await exportText({ ...damaged, head }));
    expect(found(report)).toEqual(['0:END_UNSIGNED']);
  });

  test('when somebody edits an entry in the store, then the export shows it as stored and does not verify', async () => {
    const kept = keptLog(2, 2);
    const [first] = kept.records;
    if (first === undefined) throw new Error('no record');
    kept.records[0] = { ...first, entry: first.entry.replace('demo', 'evil') };
    const text = await exportText(storeOf(kept));
    expect(text).toContain('evil');
    expect(found(await verifyText(text))).toEqual(['1:HASH_MISMATCH']);
  });
});
