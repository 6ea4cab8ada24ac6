// What a leaf takes up in the database, by table, as SQLite's dbstat counts pages.
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { newEntries } from './log-engine.mjs';

const TABLES = ['logSegments', 'logEntries', 'logNodes'];

/** Bytes by table, and of the whole file. */
export function measureBytes(dir) {
  const database = new Database(join(dir, 'lethe.db'));
  database.pragma('wal_checkpoint(TRUNCATE)');
  const sizes = new Map(
    database.prepare('SELECT name, sum(pgsize) FROM dbstat GROUP BY name').raw().all(),
  );
  const file = database.prepare(
    'SELECT page_count * page_size FROM pragma_page_count, pragma_page_size',
  );
  const bytes = Object.fromEntries(TABLES.map((table) => [table, sizes.get(table) ?? 0]));
  bytes.file = file.pluck().get();
  database.close();
  return bytes;
}

/** What so many more leaves take up each, so many under one checkpoint. */
export async function measureGrowth(log, { batch, leaves }) {
  const before = measureBytes(log.dir);
  for (let done = 0; done < leaves; done += batch) await log.append(newEntries(batch));
  return bytesPerLeaf(before, measureBytes(log.dir), leaves);
}

export function bytesPerLeaf(before, after, leaves) {
  return Object.fromEntries(
    Object.keys(after).map((name) => [name, (after[name] - before[name]) / leaves]),
  );
}
