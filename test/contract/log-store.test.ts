import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import type { PendingEntry } from '../../src/audit/entry.js';
import type { Checkpoint, LogBatch } from '../../src/audit/log-store.js';
import { openTestStore, type TestStore } from '../support/stores.js';
import { comparable, concurrently, DIFFICULT_TEXT, samplePending } from './samples.js';

let opened: TestStore;

beforeEach(async () => {
  opened = await openTestStore();
});

afterEach(async () => {
  await opened.destroy();
});

/** A chain whose every hash tells all that came before it. */
function extend(head: Checkpoint | undefined, pending: readonly PendingEntry[]): LogBatch {
  let hash = head?.hash ?? '';
  const size = head?.size ?? 0;
  const records = pending.map(({ entryId, entry }, index) => {
    hash = `${hash}/${entryId}`;
    return { sequence: size + index, entry: JSON.stringify(entry), hash };
  });
  return {
    records,
    checkpoint: {
      size: size + records.length,
      hash,
      signedAt: '2027-01-15T08:00:00.000Z',
      kid: 'key',
      signature: DIFFICULT_TEXT,
    },
  };
}

async function append(...entryIds: string[]): Promise<void> {
  for (const entryId of entryIds) await opened.store.audit.append(samplePending(entryId));
}

/** The entries in the order of the log, told by the hash of its end. */
async function chain(): Promise<string[]> {
  return (await opened.store.log.head())?.hash.split('/').slice(1) ?? [];
}

function numbered(count: number): string[] {
  return Array.from({ length: count }, (_, index) => String(index).padStart(3, '0'));
}

describe('sequencing', () => {
  test('when nothing is pending, then nothing is moved and the chain is not extended', async () => {
    const { log } = opened.store;
    const moved = await log.sequence(10, () => {
      throw new Error('not to be called');
    });
    expect(moved).toBe(0);
    expect(await log.head()).toBeUndefined();
    expect(await log.readRecords(0, 10)).toEqual([]);
    expect(await log.readCheckpoints(0, 10)).toEqual([]);
  });

  test('when entries are pending, then the oldest are moved, at most the limit, in the order of their ids', async () => {
    const { log } = opened.store;
    await append('c', 'a', 'd', 'b');
    expect(await log.sequence(3, extend)).toBe(3);
    expect(await chain()).toEqual(['a', 'b', 'c']);
    expect(await log.sequence(3, extend)).toBe(1);
    expect(await log.sequence(3, extend)).toBe(0);
    expect(await chain()).toEqual(['a', 'b', 'c', 'd']);
  });

  test('when an entry is moved, then the chain gets it as it was appended', async () => {
    const pending: PendingEntry = {
      entryId: 'a',
      entry: { ...samplePending('a').entry, code: 'INTERNAL', subject: DIFFICULT_TEXT },
    };
    await opened.store.audit.append(pending);
    const seen: unknown[] = [];
    await opened.store.log.sequence(1, (head, entries) => {
      seen.push(entries);
      return extend(head, entries);
    });
    expect(comparable(seen.at(-1))).toStrictEqual(comparable([pending]));
  });

  test('when an entry is appended again, then it is in the log once, before as well as after it was moved', async () => {
    const { log } = opened.store;
    await append('a', 'a');
    await concurrently(10, () => append('b'));
    expect(await log.sequence(10, extend)).toBe(2);
    await append('a', 'b', 'c');
    expect(await log.sequence(10, extend)).toBe(1);
    expect(await chain()).toEqual(['a', 'b', 'c']);
  });

  test('when the chain cannot be extended, then nothing is moved and the entries still wait', async () => {
    const { log } = opened.store;
    await append('a', 'b');
    const failure = new Error('no key');
    await expect(
      log.sequence(10, () => {
        throw failure;
      }),
    ).rejects.toBe(failure);
    expect(await log.head()).toBeUndefined();
    expect(await log.readRecords(0, 10)).toEqual([]);
    expect(await log.sequence(10, extend)).toBe(2);
  });

  test('when an extension leaves a gap or an entry out, then it is refused and nothing is moved', async () => {
    const { log } = opened.store;
    await append('a', 'b');
    const withGap = (head: Checkpoint | undefined, pending: readonly PendingEntry[]): LogBatch => {
      const { records, checkpoint } = extend(head, pending);
      const moved = records.map((record) => ({ ...record, sequence: record.sequence + 1 }));
      return { records: moved, checkpoint: { ...checkpoint, size: checkpoint.size + 1 } };
    };
    await expect(log.sequence(10, withGap)).rejects.toThrow();
    await expect(
      log.sequence(10, (head, pending) => extend(head, pending.slice(1))),
    ).rejects.toThrow();
    expect(await log.readRecords(0, 10)).toEqual([]);
    expect(await log.sequence(10, extend)).toBe(2);
  });

  test('when many sequence and append at once, then the log has every entry once and no gap', async () => {
    const { log, audit } = opened.store;
    const ids = numbered(40);
    await Promise.all(ids.slice(0, 20).map((entryId) => audit.append(samplePending(entryId))));
    await Promise.all([
      ...ids.slice(20).map((entryId) => audit.append(samplePending(entryId))),
      concurrently(8, () => log.sequence(7, extend)),
    ]);
    while ((await log.sequence(7, extend)) > 0);

    const records = await log.readRecords(0, 100);
    expect(records.map((record) => record.sequence)).toEqual([...ids.keys()]);
    const entries = records.map((record) => JSON.parse(record.entry).sessionId);
    expect(entries.toSorted()).toEqual(ids);
    expect(await chain()).toEqual(entries);
    // Each batch continues the one before it.
    for (const checkpoint of await log.readCheckpoints(0, 100)) {
      expect(records[checkpoint.size - 1]?.hash).toBe(checkpoint.hash);
    }
  });
});

describe('reading', () => {
  test('when records and checkpoints are read, then they come in order from where the reader is, after the store was opened again', async () => {
    await append(...numbered(6));
    await opened.store.log.sequence(4, extend);
    await opened.store.log.sequence(4, extend);
    const { log } = await opened.reopen();

    const records = await log.readRecords(0, 100);
    expect(records).toHaveLength(6);
    expect(comparable(records[5])).toStrictEqual({
      sequence: 5,
      entry: JSON.stringify(samplePending('005').entry),
      hash: '/000/001/002/003/004/005',
    });
    const page = await log.readRecords(2, 3);
    expect(page.map((record) => record.sequence)).toEqual([2, 3, 4]);
    expect(await log.readRecords(6, 3)).toEqual([]);

    const checkpoints = await log.readCheckpoints(0, 100);
    expect(checkpoints.map((checkpoint) => checkpoint.size)).toEqual([4, 6]);
    expect(await log.readCheckpoints(0, 1)).toHaveLength(1);
    expect((await log.readCheckpoints(4, 9)).map((checkpoint) => checkpoint.size)).toEqual([6]);
    expect(comparable(await log.head())).toStrictEqual(comparable(checkpoints[1]));
    expect(checkpoints[1]?.signature).toBe(DIFFICULT_TEXT);
  });
});
