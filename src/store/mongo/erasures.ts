import type { mongo } from 'mongoose';
import type { ErasureStore } from '../../erasure/erasure-store.js';
import { type ErasureRow, toErasure, UNDER_WAY } from './erasure-rows.js';
import { changeOnce, holdOne, insertNew, removeSome } from './once.js';
import type { Scope } from './scope.js';

export function erasureStore(scope: Scope): ErasureStore {
  const { options } = scope;
  const collection = scope.collections.erasures;

  return {
    async start({ erasureId, ...members }) {
      const row = { _id: erasureId, ...members };
      const { tenantId, subject } = members;
      const keys: mongo.Filter<ErasureRow> = {
        $or: [{ _id: erasureId }, { tenantId, subject, state: UNDER_WAY }],
      };
      await insertNew(scope, { collection, row, keys });
    },
    async find(erasureId) {
      const row = await holdOne(scope, { collection, which: { _id: erasureId } });
      return row && toErasure(row);
    },
    async findLatest({ tenantId, subject }) {
      // Both states in one read: an erasure that completes meanwhile is missed by neither.
      const sort = { state: -1, completedAtMs: -1, requestedAtMs: -1, _id: -1 } as const;
      const row = await holdOne(scope, { collection, which: { tenantId, subject }, sort });
      return row && toErasure(row);
    },
    async complete(erasureId, completion) {
      const row = await changeOnce(scope, {
        collection,
        keys: { _id: erasureId },
        expected: { state: UNDER_WAY },
        set: { state: 'completed', ...completion },
        unset: ['intent'],
      });
      return row !== undefined;
    },
    async findUnfinished(limit) {
      const page = { ...options, sort: { requestedAtMs: 1, _id: 1 }, limit } as const;
      const rows = await scope.call(() => collection.find({ state: UNDER_WAY }, page).toArray());
      return rows.map(toErasure);
    },
    removeOfBucket: (bucket, limit) =>
      removeSome(scope, { collection, which: { 'receipt.bucket': bucket }, limit }),
  };
}
