import { open } from 'node:fs/promises';
import { join } from 'node:path';
import { type LogSource, RESOURCE_LIMIT_BYTES } from './log-source.js';
import { parseTilePath } from './tile-path.js';

/** The files of an exported log (`export-log.ts`). */
export function logDirectory(dir: string): LogSource {
  return {
    checkpoint: async () => {
      const bytes = await readStart(join(dir, 'checkpoint'));
      if (bytes === undefined)
        throw new Error(
          `${dir} holds no checkpoint: it is no export of a log, or an unfinished one`,
        );
      return bytes.toString();
    },
    // Nothing but the names that an export has: a path leads nowhere else.
    resource: async (path) =>
      path === 'keys' || parseTilePath(path) !== undefined
        ? await readStart(join(dir, path))
        : undefined,
  };
}

/** A file; of one that is longer than any resource, enough to tell. Undefined when there is none. */
async function readStart(path: string): Promise<Buffer | undefined> {
  try {
    const file = await open(path);
    try {
      const { size } = await file.stat();
      const bytes = Buffer.alloc(Math.min(size, RESOURCE_LIMIT_BYTES + 1));
      const { bytesRead } = await file.read(bytes);
      return bytes.subarray(0, bytesRead);
    } finally {
      await file.close();
    }
  } catch (error) {
    const { code = 'unknown error' } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ENOTDIR') return undefined;
    throw new Error(`${path} cannot be read (${code})`, { cause: error });
  }
}
