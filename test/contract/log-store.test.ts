import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import type { LogExtension, LogNode, LogSegment } from '../../src/audit/log-store.js';
import { randomId } from '../../src/lib/ids.js';
import { openTestStore, type TestStore } from '../support/stores.js';
import {
  ALL_BYTES,
  comparable,
  concurrently,
  DIFFICULT_TEXT,
  leavesOf,
  NOW_MS,
  sampleEntryIds,
  sampleExtension,
  samplePending,
} from './samples.js';

let opened: TestStore;

beforeEach(async () => {
  opened = await openTestStore();
});

afterEach(async () => {
  await opened.destroy();
});

type Extend = Parameters<TestStore['store']['log']['sequence']>[1];

async function append(...entryIds: readonly string[]): Promise<void> {
  for (const entryId of entryIds) await opened.store.audit.append(samplePending(entryId));
}

function leaves(entryIds: readonly string[]): string[] {
  return entryIds.map((entryId) => samplePending(entryId).leaf);
}

/** The leaves of the log in order. */
async function logged(): Promise<string[]> {
  return leavesOf(await opened.store.log.readSegments(0, 1_000));
}

/** Whether every segment joins the one before it and its checkpoint tells of all leaves up to its end. */
function expectOneLog(segments: readonly LogSegment[]): void {
  const all = leavesOf(segments);
  let size = 0;
  for (const segment of segments) {
    expect(segment.start).toBe(size);
    size += leavesOf([segment]).length;
    expect(segment.size).toBe(size);
    expect(segment.checkpoint.split('\n')).toEqual(['log', ...all.slice(0, size)]);
  }
}

describe('sequencing', () => {
  test('when nothing is pending, then nothing is moved and the log is not extended', async () => {
    const { log } = opened.store;
    const moved = await log.sequence(10, () => {
      throw new Error('not to be called');
    });
    expect(moved).toBe(0);
    expect(await log.head()).toBeUndefined();
    expect(await log.readSegments(0, 10)).toEqual([]);
    expect(await log.readNodes({ level: 1, index: 0 }, 10)).toEqual([]);
  });

  test('when entries are pending, then the oldest are moved, at most the limit, in the order of their ids', async () => {
    const { log } = opened.store;
    const ids = sampleEntryIds(4);
    await append(...[2, 0, 3, 1].flatMap((index) => ids[index] ?? []));
    expect(await log.sequence(3, sampleExtension)).toBe(3);
    expect(await logged()).toEqual(leaves(ids.slice(0, 3)));
    expect(await log.sequence(3, sampleExtension)).toBe(1);
    expect(await log.sequence(3, sampleExtension)).toBe(0);
    expect(await logged()).toEqual(leaves(ids));
    expectOneLog(await log.readSegments(0, 10));
  });

  test('when entries are moved, then the log gets them as they were appended, with the head and the keys', async () => {
    const { audit, log, logKeys } = opened.store;
    const [first, second] = [
      { ...samplePending(), leaf: DIFFICULT_TEXT },
      { ...samplePending(), leaf: 'x'.repeat(4_096) },
    ];
    const keys = [1, 2].map((generation) => ({ generation, vkey: 'vkey', createdAtMs: NOW_MS }));
    const seen: unknown[] = [];
    const extend: Extend = (state, pending) => {
      seen.push({ ...state, pending });
      return sampleExtension(state, pending);
    };
    await audit.append(first);
    await log.sequence(1, extend);
    for (const key of keys) await logKeys.insert(key);
    const head = await log.head();
    await audit.append(second);
    await log.sequence(1, extend);
    expect(comparable(seen.at(0))).toStrictEqual({ head: undefined, keys: [], pending: [first] });
    expect(comparable(seen.at(-1))).toStrictEqual(comparable({ head, keys, pending: [second] }));
  });

  test('when an entry is appended again, then it is in the log once, before as well as after it was moved', async () => {
    const { log } = opened.store;
    const [a, b, c] = sampleEntryIds(3) as [string, string, string];
    await append(a, a);
    await concurrently(10, () => append(b));
    expect(await log.sequence(10, sampleExtension)).toBe(2);
    await append(a, b, c);
    expect(await log.sequence(10, sampleExtension)).toBe(1);
    expect(await logged()).toEqual(leaves([a, b, c]));
  });

  test('when the log cannot be extended, then nothing is moved and the entries still wait', async () => {
    const { log } = opened.store;
    const [a, b] = sampleEntryIds(2) as [string, string];
    await append(a, b);
    const failure = new Error('no key');
    await expect(
      log.sequence(10, () => {
        throw failure;
      }),
    ).rejects.toBe(failure);
    expect(await log.head()).toBeUndefined();
    expect(await log.readSegments(0, 10)).toEqual([]);
    expect(await log.findIndex(a)).toBeUndefined();
    expect(await log.sequence(10, sampleExtension)).toBe(2);
  });

  const misfits: [string, Extend][] = [
    ['leaves a gap', (state, pending) => shifted(sampleExtension(state, pending), 1)],
    ['overlaps the head', (state, pending) => shifted(sampleExtension(state, pending), -1)],
    [
      'begins elsewhere',
      (state, pending) => {
        const { segment, nodes } = sampleExtension(state, pending);
        return { segment: { ...segment, start: segment.start + 1 }, nodes };
      },
    ],
    ['leaves an entry out', (state, pending) => sampleExtension(state, pending.slice(1))],
    ['holds nothing', (state) => sampleExtension(state, [])],
    ['holds too much', (state, pending) => sampleExtension(state, [...pending, samplePending()])],
  ];
  test.each(misfits)(
    'when an extension %s, then it is refused and nothing is stored',
    async (_how, extend) => {
      const { log } = opened.store;
      const [a, b, c] = sampleEntryIds(3) as [string, string, string];
      await append(a);
      await log.sequence(1, sampleExtension);
      await append(b, c);
      await expect(log.sequence(10, extend)).rejects.toThrow('does not fit its head');
      expect(await logged()).toEqual(leaves([a]));
      expect(await log.findIndex(b)).toBeUndefined();
      expect(await log.sequence(10, sampleExtension)).toBe(2);
    },
  );

  test('when many sequence and append at once, then the log has every entry once and no gap', async () => {
    const { log } = opened.store;
    const ids = sampleEntryIds(40);
    await Promise.all(ids.slice(0, 20).map((entryId) => append(entryId)));
    await Promise.all([
      ...ids.slice(20).map((entryId) => append(entryId)),
      concurrently(8, () => log.sequence(7, sampleExtension)),
    ]);
    while ((await log.sequence(7, sampleExtension)) > 0);

    const order = await logged();
    expect(order.toSorted()).toEqual(leaves(ids).toSorted());
    expectOneLog(await log.readSegments(0, 100));
    for (const entryId of ids) {
      expect(await log.findIndex(entryId)).toBe(order.indexOf(samplePending(entryId).leaf));
    }
  });
});

test.each([
  ['no UUID', 'entry-1'],
  ['empty', ''],
  ['in capitals', samplePending().entryId.toUpperCase()],
  ['without its hyphens', samplePending().entryId.replaceAll('-', '')],
])(
  'when the id of an entry is %s, then it is refused, because it would not sort by time',
  async (_how, entryId) => {
    const { audit, log } = opened.store;
    await expect(audit.append({ entryId, leaf: 'leaf' })).rejects.toThrow(TypeError);
    expect(await log.sequence(10, sampleExtension)).toBe(0);
  },
);

describe('places', () => {
  test('when an entry is moved, then its index is found, after the store was opened again, and none before', async () => {
    const ids = sampleEntryIds(5);
    await append(...ids);
    await opened.store.log.sequence(3, sampleExtension);
    const indexes = async () => await Promise.all(ids.map((id) => opened.store.log.findIndex(id)));
    expect(await indexes()).toEqual([0, 1, 2, undefined, undefined]);
    await opened.store.log.sequence(3, sampleExtension);
    await opened.reopen();
    expect(await indexes()).toEqual([0, 1, 2, 3, 4]);
    expect(await opened.store.log.findIndex(randomId())).toBeUndefined();
    expect(await opened.store.log.findIndex('no id at all')).toBeUndefined();
  });

  test('when old places are forgotten, then at most the limit go, none of that time or later, and their leaves stay', async () => {
    const { log } = opened.store;
    const ids = sampleEntryIds(6);
    await append(...ids.slice(0, 5));
    await log.sequence(10, sampleExtension);
    const found = async () => {
      const indexes = await Promise.all(ids.map((id) => log.findIndex(id)));
      return indexes.filter((index) => index !== undefined);
    };
    expect(await log.forgetEntriesBefore(NOW_MS, 10)).toBe(0);
    expect(await log.forgetEntriesBefore(NOW_MS + 3, 2)).toBe(2);
    expect(await found()).toHaveLength(3);
    expect(await log.forgetEntriesBefore(NOW_MS + 3, 2)).toBe(1);
    expect(await log.forgetEntriesBefore(NOW_MS + 3, 2)).toBe(0);
    expect(await found()).toEqual([3, 4]);
    expect(await logged()).toEqual(leaves(ids.slice(0, 5)));
  });

  test('when places are forgotten, then an entry that is still pending is not', async () => {
    const { log } = opened.store;
    const [old] = sampleEntryIds(1) as [string];
    await append(old);
    expect(await log.forgetEntriesBefore(NOW_MS + 1_000, 10)).toBe(0);
    expect(await log.sequence(10, sampleExtension)).toBe(1);
    expect(await log.findIndex(old)).toBe(0);
  });
});

describe('reading', () => {
  test('when segments are read, then they come in order from the one that holds the index, after the store was opened again', async () => {
    const ids = sampleEntryIds(9);
    await append(...ids);
    const lengths = [4, 2, 3];
    for (const length of lengths) await opened.store.log.sequence(length, sampleExtension);
    const { log } = await opened.reopen();

    const all = await log.readSegments(0, 100);
    expect(all.map(({ start, size }) => [start, size])).toEqual([
      [0, 4],
      [4, 6],
      [6, 9],
    ]);
    expect(leavesOf(all)).toEqual(leaves(ids));
    const starts = async (index: number, limit: number) =>
      (await log.readSegments(index, limit)).map(({ start }) => start);
    expect(await starts(3, 100)).toEqual([0, 4, 6]);
    expect(await starts(4, 100)).toEqual([4, 6]);
    expect(await starts(5, 1)).toEqual([4]);
    expect(await starts(8, 100)).toEqual([6]);
    expect(await starts(9, 100)).toEqual([]);
    expect(await starts(1_000, 100)).toEqual([]);
    for (let index = 0; index < 9; index += 1) {
      const { size, checkpoint } = all.find((segment) => segment.size > index)!;
      expect(comparable(await log.findCheckpoint(index))).toStrictEqual({ size, checkpoint });
    }
    expect(await log.findCheckpoint(9)).toBeUndefined();
  });

  test('when the log is empty, then no checkpoint covers anything', async () => {
    expect(await opened.store.log.findCheckpoint(0)).toBeUndefined();
  });

  test('when a segment and its nodes are stored, then every byte of them is read again', async () => {
    const { log, audit } = opened.store;
    const node = (level: number, index: number): LogNode => ({
      level,
      index,
      hash: Buffer.alloc(32, level * 16 + index),
    });
    const nodes = [node(1, 2), node(1, 10), node(2, 0), node(1, 1)];
    let stored: LogSegment | undefined;
    await audit.append(samplePending());
    await log.sequence(1, (state, pending) => {
      const { segment } = sampleExtension(state, pending);
      const bytes = { bundle: ALL_BYTES, frontier: ALL_BYTES.slice(0, 96) };
      stored = { ...segment, ...bytes, checkpoint: `${DIFFICULT_TEXT}\n\n— log key\n` };
      return { segment: stored, nodes };
    });
    const reopened = (await opened.reopen()).log;
    expect(comparable(await reopened.readSegments(0, 2))).toStrictEqual(comparable([stored]));
    const { start: _start, bundle: _bundle, ...head } = stored!;
    expect(comparable(await reopened.head())).toStrictEqual(comparable(head));

    const read = async (level: number, index: number, limit = 10) =>
      comparable(await reopened.readNodes({ level, index }, limit));
    expect(await read(1, 0)).toStrictEqual(comparable([node(1, 1), node(1, 2), node(1, 10)]));
    expect(await read(1, 2, 1)).toStrictEqual(comparable([node(1, 2)]));
    expect(await read(1, 3)).toStrictEqual(comparable([node(1, 10)]));
    expect(await read(2, 0)).toStrictEqual(comparable([node(2, 0)]));
    expect(await read(1, 11)).toEqual([]);
    expect(await read(3, 0)).toEqual([]);
  });
});

/** The same at another place. */
function shifted({ segment, nodes }: LogExtension, by: number): LogExtension {
  return { segment: { ...segment, start: segment.start + by, size: segment.size + by }, nodes };
}
