import { checkpointLine, recordLine } from './log-line.js';
import type { LogStore } from './log-store.js';

const PAGE = 512;

/**
 * The whole log up to its present head, as lines that end with a line feed: every checkpoint after
 * the last entry that it covers. Holds one page in memory. What the store lacks is missing from the
 * export too, so that `verify.ts` finds it. The forms of the two kinds of line are in `log-line.ts`.
 *
 * ```text
 * {"entry":{"at":"2026-03-01T10:00:00.000Z",…},"hash":"LOWQh…","sequence":0}
 * {"entry":{"at":"2026-03-01T10:00:00.125Z",…},"hash":"1YnY2…","sequence":1}
 * {"checkpoint":{"hash":"1YnY2…","kid":"1IG2t…","signature":"GrLjY…","signedAt":"2026-03-01T10:00:00.250Z","size":2}}
 * ```
 */
export async function* exportLog(store: LogStore): AsyncGenerator<string> {
  const end = (await store.head())?.size ?? 0;
  let size = 0;
  while (size < end) {
    const checkpoints = await store.readCheckpoints(size, PAGE);
    if (checkpoints.length === 0) break;
    for (const checkpoint of checkpoints) {
      if (checkpoint.size > end) return;
      yield* records(store, { from: size, to: checkpoint.size });
      yield `${checkpointLine(checkpoint)}\n`;
      size = checkpoint.size;
    }
  }
  yield* records(store, { from: size, to: end });
}

/** Records of sequence numbers from `from` up to, not including, `to`. */
async function* records(
  store: LogStore,
  range: { from: number; to: number },
): AsyncGenerator<string> {
  let next = range.from;
  while (next < range.to) {
    const page = await store.readRecords(next, Math.min(PAGE, range.to - next));
    for (const record of page) {
      if (record.sequence >= range.to) return;
      yield `${recordLine(record)}\n`;
    }
    const last = page.at(-1);
    if (last === undefined) return;
    next = last.sequence + 1;
  }
}
