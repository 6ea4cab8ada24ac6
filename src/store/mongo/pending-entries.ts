import type { PendingEntryStore } from '../../audit/log-store.js';
import { insertOnce } from './once.js';
import type { Scope } from './scope.js';

export function pendingEntryStore(scope: Scope): PendingEntryStore {
  const collection = scope.collections.pendingEntries;

  return {
    async append({ entryId, entry }) {
      const row = { _id: entryId, entry: JSON.stringify(entry) };
      await insertOnce(scope, { collection, row, keys: { _id: entryId } });
    },
  };
}
