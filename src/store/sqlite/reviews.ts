import type { Review, ReviewKey, ReviewStore } from '../../audit/reviews/review-store.js';
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

const LIST_KEYS = 'SELECT * FROM reviewKeys ORDER BY bucket';
const INSERT_KEY = insertInto<ReviewKey>(
  'reviewKeys',
  { bucket: true, keyId: true, sealedKey: true, createdAtMs: true },
  'ON CONFLICT DO NOTHING',
);
const REMOVE_KEY = 'DELETE FROM reviewKeys WHERE bucket = ?';

export function reviewStore(runner: Runner): ReviewStore {
  return {
    list: ({ tenantId, beforeEntryId = END, limit }) =>
      runner.read((sql) => sql.all<Review>(LIST, tenantId, beforeEntryId, limit)),
    removeBucket: (bucket, limit) => runner.write((sql) => sql.run(REMOVE_BUCKET, bucket, limit)),
    listKeys: () => runner.read((sql) => sql.all<ReviewKey>(LIST_KEYS)),
    insertKey: (key) =>
      runner.write((sql) => sql.run(INSERT_KEY.text, ...INSERT_KEY.values(key)) === 1),
    removeKey: (bucket) =>
      runner.write((sql) => {
        sql.run(REMOVE_KEY, bucket);
      }),
  };
}

export function insertReview(sql: Sql, review: Review): void {
  sql.run(INSERT.text, ...INSERT.values(review));
}
