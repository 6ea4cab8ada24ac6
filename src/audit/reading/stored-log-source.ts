import { utf8 } from '../../lib/bytes.js';
import type { LogKeyStore, LogStore } from '../log-store.js';
import type { Policy } from '../offline/policy.js';
import { createTreeReader, type TreeReader } from '../tree-reader.js';
import { newestCheckpoint } from '../witness/published-checkpoint.js';
import { printKeyList } from './key-list.js';
import type { LogSource } from './log-source.js';
import { parseTilePath } from './tile-path.js';

/** The log in the store as it is published: with a policy, up to what its quorum has cosigned. */
export function storedLogSource(deps: {
  log: LogStore;
  logKeys: LogKeyStore;
  policy: Policy | undefined;
}): LogSource {
  const { log, logKeys, policy } = deps;
  const reader = createTreeReader(log);
  return {
    checkpoint: async () => {
      const newest = await newestCheckpoint({ log, policy });
      if (newest === undefined) throw new Error('the log in the store is empty');
      return newest.note;
    },
    resource: async (path) =>
      path === 'keys' ? utf8(printKeyList(await logKeys.list())) : await readTileAt(reader, path),
  };
}

/** What a path names (`tile-path.ts`); undefined beyond the end and for every other spelling. */
export async function readTileAt(
  reader: TreeReader,
  path: string,
): Promise<Uint8Array | undefined> {
  const place = parseTilePath(path);
  if (place === undefined) return undefined;
  const { level, ...rest } = place;
  try {
    return level === 'entries' ? await reader.bundle(rest) : await reader.tile({ level, ...rest });
  } catch (error) {
    if (error instanceof RangeError) return undefined;
    throw error;
  }
}
