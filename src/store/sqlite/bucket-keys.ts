import type { BucketKey, BucketKeyStore } from '../../vault/buckets/bucket-key-store.js';
import { insertInto } from './insert.js';
import type { Runner } from './runner.js';

const LIST = 'SELECT * FROM bucketKeys ORDER BY bucket';
const INSERT = insertInto<BucketKey>(
  'bucketKeys',
  { bucket: true, keyId: true, sealedKey: true, createdAtMs: true },
  'ON CONFLICT DO NOTHING',
);
const REMOVE = 'DELETE FROM bucketKeys WHERE bucket = ?';

export function bucketKeyStore(runner: Runner): BucketKeyStore {
  return {
    list: () => runner.read((sql) => sql.all<BucketKey>(LIST)),
    insert: (key) => runner.write((sql) => sql.run(INSERT.text, ...INSERT.values(key)) === 1),
    remove: (bucket) =>
      runner.write((sql) => {
        sql.run(REMOVE, bucket);
      }),
  };
}
