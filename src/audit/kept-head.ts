import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { SECOND_MS } from '../lib/clock.js';
import type { LogStore } from './log-store.js';
import { parseCheckpoint } from './offline/checkpoint.js';
import { parseNote } from './offline/note.js';
import type { TreeReader } from './tree-reader.js';

/** At most so often: what it guards against is an old backup, not a crash. */
const PAUSE_MS = SECOND_MS;

/** A log that is not the one that this host has seen; the message says what to do. */
export class LogRolledBackError extends Error {
  override readonly name = 'LogRolledBackError';
}

/** The newest checkpoint that this host has seen, in a file beside the database. */
export interface KeptHead {
  /** The log has grown; its head is written down soon. */
  note(): void;
  close(): Promise<void>;
}

interface Deps {
  readonly path: string;
  readonly log: Pick<LogStore, 'head'>;
  /** The name of the log. */
  readonly origin: string;
  readonly reader: Pick<TreeReader, 'rootHash'>;
}

/**
 * Keeps the newest checkpoint outside of the database, so that a database that was put back from a
 * backup cannot bring a shorter log back unnoticed: its next leaves would contradict receipts and
 * checkpoints that are out in the world. Throws {@link LogRolledBackError} when the log in the
 * database does not continue the one in the file.
 */
export async function openKeptHead(deps: Deps): Promise<KeptHead> {
  await requireContinuation(deps);
  let writtenSize = 0;
  let timer: NodeJS.Timeout | undefined;
  let running: Promise<void> = Promise.resolve();

  async function write(): Promise<void> {
    const head = await deps.log.head();
    if (head === undefined || head.size <= writtenSize) return;
    mkdirSync(dirname(deps.path), { recursive: true, mode: 0o700 });
    const unfinished = `${deps.path}.unfinished`;
    writeFileSync(unfinished, head.checkpoint, { mode: 0o600 });
    renameSync(unfinished, deps.path);
    writtenSize = head.size;
  }

  /** A file that cannot be written now is written with the next growth: nothing depends on it. */
  function writeSoon(): void {
    timer ??= setTimeout(() => {
      timer = undefined;
      running = write().catch(() => undefined);
    }, PAUSE_MS).unref();
  }

  return {
    note: writeSoon,
    close: async () => {
      clearTimeout(timer);
      await running;
      await write().catch(() => undefined);
    },
  };
}

async function requireContinuation({ path, log, origin, reader }: Deps): Promise<void> {
  const kept = readKept(path);
  if (kept === undefined) return;
  const { size, rootHash } = kept;
  if (kept.origin !== origin)
    throw new LogRolledBackError(
      `${path} holds a checkpoint of another log (${kept.origin}); remove the file if this database is meant`,
    );
  const head = await log.head();
  if (head === undefined || head.size < size)
    throw new LogRolledBackError(
      `the log in the database ends at ${(head?.size ?? 0).toString()} leaves, but this host has seen ${size.toString()} (${path}): put the newest log back (README.md, after a restore)`,
    );
  if (Buffer.compare(await reader.rootHash(size), rootHash) !== 0)
    throw new LogRolledBackError(
      `the log in the database is not the one that this host has seen (${path}): its first ${size.toString()} leaves differ`,
    );
}

function readKept(path: string): ReturnType<typeof parseCheckpoint> {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
  const checkpoint = parseCheckpoint(parseNote(text)?.text ?? '');
  if (checkpoint === undefined)
    throw new LogRolledBackError(`${path} does not hold a checkpoint of the log; remove the file`);
  return checkpoint;
}
