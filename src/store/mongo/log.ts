import type { PendingEntry } from '../../audit/entry.js';
import type { Checkpoint, LogStore } from '../../audit/log-store.js';
import { text } from './fields.js';
import { toCheckpoint, toPending, toRecord } from './log-rows.js';
import type { Scope } from './scope.js';

type Extend = Parameters<LogStore['sequence']>[1];

export function logStore(scope: Scope): LogStore {
  const { logRecords, checkpoints } = scope.collections;

  return {
    sequence: (limit, extend) => scope.atomically((within) => sequence(within, { limit, extend })),
    head: () => head(scope),
    async readRecords(fromSequence, limit) {
      const page = { ...scope.options, sort: { _id: 1 }, limit } as const;
      const rows = await scope.call(() =>
        logRecords.find({ _id: { $gte: fromSequence } }, page).toArray(),
      );
      return rows.map(toRecord);
    },
    async readCheckpoints(afterSize, limit) {
      const page = { ...scope.options, sort: { _id: 1 }, limit } as const;
      const rows = await scope.call(() =>
        checkpoints.find({ _id: { $gt: afterSize } }, page).toArray(),
      );
      return rows.map(toCheckpoint);
    },
  };
}

async function sequence(
  scope: Scope,
  { limit, extend }: { limit: number; extend: Extend },
): Promise<number> {
  const { options } = scope;
  const { pendingEntries } = scope.collections;
  for (;;) {
    const oldest = { ...options, sort: { _id: 1 }, limit } as const;
    const rows = await scope.call(() => pendingEntries.find({}, oldest).toArray());
    const ids = rows.map((row) => row._id);
    // First of the writes, so that of two processes one gives way before it has done anything else.
    if (ids.length > 0)
      await scope.call(() => pendingEntries.deleteMany({ _id: { $in: ids } }, options));
    const pending = await withoutMoved(scope, rows.map(toPending));
    if (pending.length > 0) await append(scope, { pending, extend });
    if (pending.length > 0 || rows.length < limit) return pending.length;
  }
}

/** An append whose reply was lost may have been repeated after its entry had moved on. */
async function withoutMoved(
  scope: Scope,
  pending: readonly PendingEntry[],
): Promise<readonly PendingEntry[]> {
  const ids = pending.map(({ entryId }) => entryId);
  const named = { ...scope.options, projection: { entryId: 1 } } as const;
  const rows = await scope.call(() =>
    scope.collections.logRecords.find({ entryId: { $in: ids } }, named).toArray(),
  );
  const moved = new Set(rows.map((row) => text(row, 'entryId')));
  return pending.filter(({ entryId }) => !moved.has(entryId));
}

async function append(
  scope: Scope,
  { pending, extend }: { pending: readonly PendingEntry[]; extend: Extend },
): Promise<void> {
  const { options } = scope;
  const { logRecords, checkpoints } = scope.collections;
  const last = await head(scope);
  const batch = extend(last, pending);
  const start = last?.size ?? 0;
  const { size, ...checkpoint } = batch.checkpoint;
  const records = pending.map(({ entryId }, index) => {
    const record = batch.records[index];
    if (record?.sequence !== start + index) throw misfit();
    return { _id: record.sequence, entryId, entry: record.entry, hash: record.hash };
  });
  if (batch.records.length !== records.length || size !== start + records.length) throw misfit();
  await scope.call(() => logRecords.insertMany(records, options));
  await scope.call(() => checkpoints.insertOne({ _id: size, ...checkpoint }, options));
}

/** One record for each entry, joining the head without a gap, and a checkpoint of just that size. */
function misfit(): Error {
  return new Error('The extension of the log does not fit its head.');
}

async function head(scope: Scope): Promise<Checkpoint | undefined> {
  const last = { ...scope.options, sort: { _id: -1 } } as const;
  const row = await scope.call(() => scope.collections.checkpoints.findOne({}, last));
  return row === null ? undefined : toCheckpoint(row);
}
