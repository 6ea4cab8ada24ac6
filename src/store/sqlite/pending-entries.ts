import type { PendingEntryStore } from '../../audit/log-store.js';
import type { Runner } from './runner.js';

// What has its place in the log already is not logged again.
const APPEND = `
  INSERT INTO pendingEntries (entryId, entry)
  SELECT ?, ? WHERE NOT EXISTS (SELECT 1 FROM logRecords WHERE entryId = ?)
  ON CONFLICT DO NOTHING`;

export function pendingEntryStore(runner: Runner): PendingEntryStore {
  return {
    append: ({ entryId, entry }) =>
      runner.write((sql) => {
        sql.run(APPEND, entryId, JSON.stringify(entry), entryId);
      }),
  };
}
