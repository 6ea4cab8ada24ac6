import type { Review, ReviewStore } from '../../audit/reviews/review-store.js';
import type { Sql } from './connection.js';
import { insertInto } from './insert.js';
import type { Runner } from './runner.js';

/** Sorts behind every UUID. */
const END = 'g';

const INSERT = insertInto<Review>(
  'reviews',
  { bucket: true, entryId: true, tenantId: true, sealed: true },
  'ON CONFLICT DO NOTHING',
);
const LIST = `
  SELECT * FROM reviews WHERE tenantId = ? AND entryId < ? ORDER BY entryId DESC LIMIT ?`;
const REMOVE_BUCKET = `
  DELETE FROM reviews WHERE rowid IN (SELECT rowid FROM reviews WHERE bucket = ? LIMIT ?)`;

export function reviewStore(runner: Runner): ReviewStore {
  return {
    list: ({ tenantId, beforeEntryId = END, limit }) =>
      runner.read((sql) => sql.all<Review>(LIST, tenantId, beforeEntryId, limit)),
    removeBucket: (bucket, limit) => runner.write((sql) => sql.run(REMOVE_BUCKET, bucket, limit)),
  };
}

export function insertReview(sql: Sql, review: Review): void {
  sql.run(INSERT.text, ...INSERT.values(review));
}
