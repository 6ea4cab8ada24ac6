import { printKeyList } from '../audit/reading/key-list.js';
import { readTileAt } from '../audit/reading/stored-log-source.js';
import { ServiceError } from '../errors/service-error.js';
import type { OperationLog } from './deps.js';

/** What reading the log works with. */
export interface ReadLogDeps {
  readonly log: Pick<OperationLog, 'reader' | 'newestCheckpoint' | 'keys'>;
}

/** GET /log/checkpoint: the signed note. Throws NOT_FOUND while the log is empty. */
export async function readCheckpoint({ log }: ReadLogDeps): Promise<string> {
  const newest = await log.newestCheckpoint();
  if (newest === undefined) throw new ServiceError('NOT_FOUND');
  return newest.note;
}

/**
 * GET /log/tile/…: hashes or leaves by the path of C2SP tlog-tiles, which begins with `tile/`. They
 * never change. Throws NOT_FOUND for what lies beyond the end and for every other spelling of a path.
 */
export async function readTile({ log }: ReadLogDeps, path: string): Promise<Uint8Array> {
  const tile = await readTileAt(log.reader, path);
  if (tile === undefined) throw new ServiceError('NOT_FOUND');
  return tile;
}

/** GET /log/keys: verifier keys (C2SP signed-note), newest first, each with a line feed. */
export async function readLogKeys({ log }: ReadLogDeps): Promise<string> {
  return printKeyList(await log.keys());
}
