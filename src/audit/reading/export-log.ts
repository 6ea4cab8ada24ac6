import { mkdirSync, readdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { utf8 } from '../../lib/bytes.js';
import { equal } from '../offline/bytes.js';
import { type Checkpoint, parseCheckpoint } from '../offline/checkpoint.js';
import { parseNote } from '../offline/note.js';
import type { LogSource } from './log-source.js';
import { printTilePath, tilePathsOf } from './tile-path.js';

const UNFINISHED = '.unfinished';
const NAMES = ['checkpoint', 'keys', 'tile'];

/** A directory that is not to be written to, or a log that cannot be exported. */
export class ExportError extends Error {
  override readonly name = 'ExportError';
}

/**
 * Writes a log into a directory, as C2SP tlog-tiles lays it out, so that any web server can serve it
 * and `lethe log verify` can read it: `tile/…`, `keys`, and at the very end `checkpoint`, so that what
 * has one is complete. Holds one tile at a time. Nothing is judged on the way: that is for the
 * verifier. Returns the checkpoint.
 *
 * An earlier export of the same log in the directory is continued; no tile of it is ever replaced,
 * for tiles do not change. Throws {@link ExportError} for a directory with anything else in it, or
 * with other tiles than those of this log.
 */
export async function exportLog(source: LogSource, dir: string): Promise<Checkpoint> {
  const note = await source.checkpoint();
  const checkpoint = parseCheckpoint(parseNote(note)?.text ?? '');
  if (checkpoint === undefined)
    throw new ExportError('the newest checkpoint of the log is malformed: see `lethe log verify`');
  prepare(dir, checkpoint);
  for (const place of tilePathsOf(checkpoint.size)) {
    const path = printTilePath(place);
    writeTile(dir, path, await fetchPart(source, path));
  }
  replaceFile(join(dir, 'keys'), await fetchPart(source, 'keys'));
  replaceFile(join(dir, 'checkpoint'), utf8(note));
  return checkpoint;
}

function prepare(dir: string, { origin, size }: Checkpoint): void {
  mkdirSync(dir, { recursive: true });
  const isForeign = (name: string) => !NAMES.includes(name.replace(UNFINISHED, ''));
  if (readdirSync(dir).some(isForeign))
    throw new ExportError(`${dir} holds other files: name a new directory, or an earlier export`);
  const earlier = parseCheckpoint(
    parseNote(readIfThere(dir, 'checkpoint')?.toString() ?? '')?.text ?? '',
  );
  if (earlier === undefined) return;
  if (earlier.origin !== origin)
    throw new ExportError(`${dir} holds an export of another log: name a new directory`);
  if (earlier.size > size)
    throw new ExportError(
      `${dir} holds an export with more leaves than the log has now: keep it, and see \`lethe log consistency\``,
    );
}

async function fetchPart(source: LogSource, path: string): Promise<Uint8Array> {
  const bytes = await source.resource(path);
  if (bytes === undefined) throw new ExportError(`the log lacks ${path}: see \`lethe log verify\``);
  return bytes;
}

/** What is there already may be the only evidence of what the log was. */
function writeTile(dir: string, path: string, bytes: Uint8Array): void {
  const there = readIfThere(dir, path);
  if (there === undefined) replaceFile(join(dir, path), bytes);
  else if (!equal(there, bytes))
    throw new ExportError(
      `${join(dir, path)} holds something else than the log does now: keep it, see \`lethe log consistency\`, and name a new directory`,
    );
}

function readIfThere(dir: string, path: string): Buffer | undefined {
  try {
    return readFileSync(join(dir, path));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

/** Complete or not there at all, whatever happens in between. */
function replaceFile(file: string, bytes: Uint8Array): void {
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(`${file}${UNFINISHED}`, bytes);
  renameSync(`${file}${UNFINISHED}`, file);
}
