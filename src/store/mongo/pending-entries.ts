import type { PendingEntryStore } from '../../audit/log-store.js';
import { requireEntryId } from '../entry-ids.js';
import { insertOnce } from './once.js';
import type { Scope } from './scope.js';

export function pendingEntryStore(scope: Scope): PendingEntryStore {
  return {
    async append({ entryId, leaf, review }) {
      requireEntryId(entryId);
      if (review === undefined) {
        await insertLeaf(scope, entryId, leaf);
        return;
      }
      const { entryId: _id, ...members } = review;
      await scope.atomically(async (within) => {
        const { reviews } = within.collections;
        if (!(await insertLeaf(within, entryId, leaf))) return;
        await insertOnce(within, { collection: reviews, row: { _id, ...members }, keys: { _id } });
      });
    },
  };
}

function insertLeaf(scope: Scope, entryId: string, leaf: string): Promise<boolean> {
  const collection = scope.collections.pendingEntries;
  return insertOnce(scope, { collection, row: { _id: entryId, leaf }, keys: { _id: entryId } });
}
