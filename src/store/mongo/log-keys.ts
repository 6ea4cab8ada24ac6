import type { LogKey, LogKeyStore } from '../../audit/log-store.js';
import { type LogKeyRow, toLogKey } from './log-rows.js';
import { insertOnce } from './once.js';
import type { Scope } from './scope.js';

export function logKeyStore(scope: Scope): LogKeyStore {
  const collection = scope.collections.logKeys;

  return {
    list: () => readLogKeys(scope),
    insert({ generation, ...members }) {
      const row = { _id: generation, ...members };
      return insertOnce(scope, { collection, row, keys: { _id: generation } });
    },
    async retire(generation, signsUntilMs) {
      const retired = { $set: { signsUntilMs } };
      await scope.call(() => collection.updateOne({ _id: generation }, retired, scope.options));
    },
  };
}

/** All keys, oldest first. */
export async function readLogKeys(scope: Scope): Promise<readonly LogKey[]> {
  const sorted = { ...scope.options, sort: { _id: 1 } } as const;
  const rows: LogKeyRow[] = await scope.call(() =>
    scope.collections.logKeys.find({}, sorted).toArray(),
  );
  return rows.map(toLogKey);
}
