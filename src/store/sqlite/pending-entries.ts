import type { PendingEntryStore } from '../../audit/log-store.js';
import { requireEntryId } from '../entry-ids.js';
import { insertReview } from './reviews.js';
import type { Runner } from './runner.js';
import { uuidBytes } from './uuid-bytes.js';

// What has its place in the log already is not logged again.
const APPEND = `
  INSERT INTO pendingEntries (entryId, leaf)
  SELECT ?, ? WHERE NOT EXISTS (SELECT 1 FROM logEntries WHERE entryId = ${uuidBytes('?')})
  ON CONFLICT DO NOTHING`;

export function pendingEntryStore(runner: Runner): PendingEntryStore {
  return {
    append: ({ entryId, leaf, review }) =>
      runner.write((sql) => {
        requireEntryId(entryId);
        const isNew = sql.run(APPEND, entryId, leaf, entryId) === 1;
        if (isNew && review !== undefined) insertReview(sql, review);
      }),
  };
}
