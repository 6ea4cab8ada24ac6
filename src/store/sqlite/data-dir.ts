import { closeSync, mkdirSync, openSync } from 'node:fs';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { isBusy } from './failures.js';

/** A data directory that another process serves; the message says so in one sentence. */
export class DataDirLockedError extends Error {
  override readonly name = 'DataDirLockedError';
}

/** The right to be the only user of something. */
export interface FileLock {
  release(): void;
}

/** Creates the directory, for its owner alone, if there is none. */
export function createDataDir(dataDir: string): void {
  mkdirSync(dataDir, { recursive: true, mode: 0o700 });
}

/** Creates an empty file, for its owner alone, if there is none; SQLite's own would be for all to read. */
export function createPrivateFile(path: string): void {
  closeSync(openSync(path, 'a', 0o600));
}

/**
 * Makes this process the only one that serves the directory, until it ends. Throws
 * {@link DataDirLockedError} when another process holds it. Commands that only use the database do
 * not take it.
 */
export function lockDataDir(dataDir: string): FileLock {
  createDataDir(dataDir);
  const lock = takeLock(join(dataDir, 'lethe.lock'));
  if (lock !== undefined) return lock;
  throw new DataDirLockedError(
    `${dataDir} is in use by another Lethe server; stop that one, or give this one another DATA_DIR`,
  );
}

/**
 * Makes this process the only user of a file, until it ends, by a lock beside it. Undefined when
 * another process is.
 */
export function lockFile(path: string): FileLock | undefined {
  return takeLock(`${path}.lock`);
}

/**
 * The lock is an open exclusive transaction on an empty database of its own, which the kernel drops
 * with the process, however that ends.
 */
function takeLock(path: string): FileLock | undefined {
  createPrivateFile(path);
  const database = new Database(path, { timeout: 0 });
  try {
    database.pragma('journal_mode = MEMORY');
    database.exec('BEGIN EXCLUSIVE');
  } catch (error) {
    database.close();
    if (!isBusy(error)) throw error;
    return undefined;
  }
  return {
    release: () => {
      database.close();
    },
  };
}
