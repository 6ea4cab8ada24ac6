import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, jest, test } from '@jest/globals';
import Database from 'better-sqlite3';
import { Connection } from '../../src/store/sqlite/connection.js';
import { createPrivateFile } from '../../src/store/sqlite/data-dir.js';
import { WriteQueue } from '../../src/store/sqlite/write-queue.js';
import { concurrently } from '../contract/samples.js';

const INSERT = 'INSERT INTO item (id, parent, content) VALUES (?, ?, ?)';

let directory: string;
let connection: Connection;
let queue: WriteQueue;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'lethe-queue-'));
  const path = join(directory, 'queue.db');
  createPrivateFile(path);
  connection = new Connection(path, { isReadOnly: false });
  // A parent is looked for at the commit only, so that a test can make the commit itself fail.
  connection.execute(`
    CREATE TABLE item (
      id INTEGER PRIMARY KEY,
      parent INTEGER REFERENCES item (id) DEFERRABLE INITIALLY DEFERRED,
      content BLOB
    ) STRICT;`);
  queue = new WriteQueue(connection);
});

afterEach(async () => {
  await queue.close();
  connection.close();
  rmSync(directory, { recursive: true, force: true });
});

async function insert(item: { id: number; parent?: number; sizeBytes?: number }): Promise<void> {
  await queue.run({
    run: async () =>
      connection.run(INSERT, item.id, item.parent, new Uint8Array(item.sizeBytes ?? 1)),
  });
}

/** What became of each, told by its error code. */
async function outcomes(writes: readonly Promise<unknown>[]): Promise<unknown[]> {
  const settled = await Promise.allSettled(writes);
  return settled.map((result) =>
    result.status === 'fulfilled' ? 'stored' : (result.reason as { code?: string }).code,
  );
}

function storedIds(): number[] {
  return connection.all<{ id: number }>('SELECT id FROM item ORDER BY id').map(({ id }) => id);
}

test('when a database is opened for writing, then a commit is flushed and what is deleted is overwritten', () => {
  const settings = ['journal_mode', 'synchronous', 'secure_delete', 'foreign_keys'];
  const FULL = 2;
  expect(settings.map((name) => connection.pragma(name))).toEqual(['wal', FULL, 1, 1]);
});

test('when writes come together, then they share a commit, and a batch has a limit', async () => {
  const runs = jest.spyOn(connection, 'run');
  await concurrently(300, (id) => insert({ id }));
  const statements = runs.mock.calls.map(([text]) => text);
  expect(statements.filter((text) => text === 'COMMIT')).toHaveLength(3);
  expect(storedIds()).toHaveLength(300);
});

test('when a job fails, then it alone is undone', async () => {
  const writes = [insert({ id: 1 }), insert({ id: 1 }), insert({ id: 2 })];
  expect(await outcomes(writes)).toEqual(['stored', 'INTERNAL', 'stored']);
  expect(storedIds()).toEqual([1, 2]);
});

test('when the commit fails, then every job of the batch fails with UNAVAILABLE and leaves nothing', async () => {
  const writes = [insert({ id: 1 }), insert({ id: 2, parent: 99 }), insert({ id: 1 })];
  const results = await Promise.allSettled(writes);
  for (const result of results) {
    expect(result).toMatchObject({
      status: 'rejected',
      reason: { code: 'UNAVAILABLE', retryAfterSeconds: 1 },
    });
  }
  expect(storedIds()).toEqual([]);
  await insert({ id: 1 });
  expect(storedIds()).toEqual([1]);
});

test('when the database is full, then writes fail with UNAVAILABLE until there is room again', async () => {
  await insert({ id: 1 });
  const pages = Number(connection.pragma('page_count'));
  connection.pragma(`max_page_count = ${pages + 4}`);
  const full = await outcomes([
    insert({ id: 2 }),
    insert({ id: 3, sizeBytes: 100_000 }),
    insert({ id: 4 }),
  ]);
  expect(full[1]).toBe('UNAVAILABLE');
  // Whether SQLite undid the statement or the transaction: what was acknowledged is what is there.
  const acknowledged = [1, 2, 3, 4].filter((id) => id === 1 || full[id - 2] === 'stored');
  expect(storedIds()).toEqual(acknowledged);
  connection.pragma('max_page_count = 1000000');
  await insert({ id: 5, sizeBytes: 100_000 });
  expect(storedIds()).toEqual([...acknowledged, 5]);
});

test('when another connection holds the write lock for too long, then the batch fails and later ones succeed', async () => {
  const other = new Database(join(directory, 'queue.db'));
  other.exec('BEGIN IMMEDIATE');
  expect(await outcomes([insert({ id: 1 }), insert({ id: 2 })])).toEqual([
    'UNAVAILABLE',
    'UNAVAILABLE',
  ]);
  other.exec('COMMIT');
  other.close();
  await insert({ id: 1 });
  expect(storedIds()).toEqual([1]);
});

test('when the queue is closed, then it finishes what waits and refuses what comes after', async () => {
  const waiting = insert({ id: 1 });
  const closed = queue.close();
  const late = insert({ id: 2 });
  expect(await outcomes([waiting, late])).toEqual(['stored', 'UNAVAILABLE']);
  await closed;
  expect(storedIds()).toEqual([1]);
});
