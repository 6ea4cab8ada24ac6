import type { BucketKeyStore } from '../../vault/buckets/bucket-key-store.js';
import { type BucketKeyRow, toBucketKey } from './bucket-key-rows.js';
import { insertOnce } from './once.js';
import type { Scope } from './scope.js';

export function bucketKeyStore(scope: Scope): BucketKeyStore {
  const { options } = scope;
  const collection = scope.collections.bucketKeys;

  return {
    async list() {
      const sorted = { ...options, sort: { _id: 1 } } as const;
      const rows: BucketKeyRow[] = await scope.call(() => collection.find({}, sorted).toArray());
      return rows.map(toBucketKey);
    },
    insert({ bucket, ...members }) {
      const row = { _id: bucket, ...members };
      return insertOnce(scope, { collection, row, keys: { _id: bucket } });
    },
    async remove(bucket) {
      await scope.call(() => collection.deleteOne({ _id: bucket }, options));
    },
  };
}
