import type { ReflectedRootStore } from '../../erasure/reflected-roots.js';
import { number, text } from './fields.js';
import type { Scope } from './scope.js';

export function reflectedRootStore(scope: Scope): ReflectedRootStore {
  const { options } = scope;
  const collection = scope.collections.reflectedRoots;

  return {
    async list() {
      const sorted = { ...options, sort: { _id: 1 } } as const;
      const rows = await scope.call(() => collection.find({}, sorted).toArray());
      return rows.map((row) => ({ rootId: text(row, '_id'), epoch: number(row, 'epoch') }));
    },
    async reflect({ rootId, epoch }) {
      await scope.call(() =>
        collection.updateOne({ _id: rootId }, { $max: { epoch } }, { ...options, upsert: true }),
      );
    },
  };
}
