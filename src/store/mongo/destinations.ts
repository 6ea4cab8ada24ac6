import type { mongo } from 'mongoose';
import type { Destination, DestinationStore } from '../../callbacks/destination-store.js';
import { type DestinationRow, toDestination } from './destination-rows.js';
import { changeOnce, insertOnce, removeSome } from './once.js';
import type { Scope } from './scope.js';

type Filter = mongo.Filter<DestinationRow>;

export function destinationStore(scope: Scope): DestinationStore {
  const collection = scope.collections.destinations;
  const which = ({ tenantId, origin }: Destination): Filter => ({ tenantId, origin });

  return {
    list(tenantId) {
      const page = { ...scope.options, sort: { tenantId: 1, origin: 1 } } as const;
      const filter = tenantId === undefined ? {} : { tenantId };
      return scope.call(async () =>
        (await collection.find(filter, page).toArray()).map(toDestination),
      );
    },
    update(destination, next) {
      const keys = which(destination);
      return scope.atomically(async (within) => {
        const row = await within.call(() => collection.findOne(keys, within.options));
        const health = next(row === null ? undefined : toDestination(row));
        if (row === null) await insertOnce(within, { collection, row: health, keys });
        else await changeOnce(within, { collection, keys, expected: {}, set: health });
        return health;
      });
    },
    async recordSuccess(destination) {
      const failing: Filter = { ...which(destination), disabledAtMs: { $exists: false } };
      await scope.call(() => collection.deleteOne(failing, scope.options));
    },
    async disable({ atMs, because, ...destination }) {
      const row = await changeOnce(scope, {
        collection,
        keys: which(destination),
        expected: { disabledAtMs: { $exists: false } },
        set: { disabledAtMs: atMs, disabledBecause: because },
      });
      return row !== undefined;
    },
    // A transaction, because a deletion that is repeated alone would find nothing.
    enable: (destination) =>
      scope.atomically(async ({ call, options }) => {
        const removed = await call(() => collection.deleteOne(which(destination), options));
        return removed.deletedCount === 1;
      }),
    removeQuietSince: (beforeMs, limit) =>
      removeSome(scope, {
        collection,
        which: { disabledAtMs: { $exists: false }, lastFailureAtMs: { $lt: beforeMs } },
        limit,
      }),
  };
}
