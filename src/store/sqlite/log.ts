import type { AuditEntry, PendingEntry } from '../../audit/entry.js';
import type { Checkpoint, LogBatch, LogRecord, LogStore } from '../../audit/log-store.js';
import type { Sql } from './connection.js';
import { insertInto } from './insert.js';
import type { Runner } from './runner.js';

const PENDING = 'SELECT entryId, entry FROM pendingEntries ORDER BY entryId LIMIT ?';
// Up to the last one that was read: the oldest are read, and nobody else writes meanwhile.
const REMOVE_PENDING = 'DELETE FROM pendingEntries WHERE entryId <= ?';
const INSERT_RECORD = insertInto<LogRecord & { readonly entryId: string }>('logRecords', {
  sequence: true,
  entryId: true,
  entry: true,
  hash: true,
});
const INSERT_CHECKPOINT = insertInto<Checkpoint>('checkpoints', {
  size: true,
  hash: true,
  signedAt: true,
  kid: true,
  signature: true,
});
const HEAD = 'SELECT * FROM checkpoints WHERE size = (SELECT max(size) FROM checkpoints)';
const RECORDS = `
  SELECT sequence, entry, hash FROM logRecords WHERE sequence >= ? ORDER BY sequence LIMIT ?`;
const CHECKPOINTS = 'SELECT * FROM checkpoints WHERE size > ? ORDER BY size LIMIT ?';

export function logStore(runner: Runner): LogStore {
  return {
    sequence: (limit, extend) =>
      runner.write((sql) => {
        const pending = sql
          .all<{ entryId: string; entry: string }>(PENDING, limit)
          .map(({ entryId, entry }) => ({ entryId, entry: JSON.parse(entry) as AuditEntry }));
        if (pending.length === 0) return 0;
        const head = sql.get<Checkpoint>(HEAD);
        const batch = extend(head, pending);
        requireFit(batch, { head, pending });
        store(sql, { batch, pending });
        return pending.length;
      }),
    head: () => runner.read((sql) => sql.get<Checkpoint>(HEAD)),
    readRecords: (fromSequence, limit) =>
      runner.read((sql) => sql.all<LogRecord>(RECORDS, fromSequence, limit)),
    readCheckpoints: (afterSize, limit) =>
      runner.read((sql) => sql.all<Checkpoint>(CHECKPOINTS, afterSize, limit)),
  };
}

/** One record for each entry, joining the head without a gap, and a checkpoint of just that size. */
function requireFit(
  batch: LogBatch,
  to: { head: Checkpoint | undefined; pending: readonly PendingEntry[] },
): void {
  const size = to.head?.size ?? 0;
  const isFit =
    batch.records.length === to.pending.length &&
    batch.records.every(({ sequence }, index) => sequence === size + index) &&
    batch.checkpoint.size === size + to.pending.length;
  if (!isFit) throw new Error('The extension of the log does not fit its head.');
}

function store(sql: Sql, extension: { batch: LogBatch; pending: readonly PendingEntry[] }): void {
  const { records, checkpoint } = extension.batch;
  for (const [index, { entryId }] of extension.pending.entries()) {
    const record = records[index];
    if (record === undefined) continue;
    sql.run(INSERT_RECORD.text, ...INSERT_RECORD.values({ ...record, entryId }));
  }
  sql.run(REMOVE_PENDING, extension.pending.at(-1)?.entryId);
  sql.run(INSERT_CHECKPOINT.text, ...INSERT_CHECKPOINT.values(checkpoint));
}
