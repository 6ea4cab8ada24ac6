import type { mongo } from 'mongoose';
import type { DeliveryStore, LeasedDelivery } from '../../callbacks/delivery-store.js';
import { randomId } from '../../lib/ids.js';
import { type DeliveryRow, FREE, toDelivery } from './delivery-rows.js';
import { number } from './fields.js';
import { changeOnce, insertOnce, removeSome } from './once.js';
import type { Scope } from './scope.js';

/** How often a claim looks again after other workers took all that it saw. */
const CLAIM_ROUNDS = 5;

export function deliveryStore(scope: Scope): DeliveryStore {
  const { options } = scope;
  const collection = scope.collections.deliveries;
  const earliestFirst = { dueAtMs: 1, _id: 1 } as const;

  async function held(leaseId: string): Promise<readonly LeasedDelivery[]> {
    const sorted = { ...options, sort: earliestFirst };
    const rows = await collection.find({ leaseId }, sorted).toArray();
    return rows.map((row) => ({ delivery: toDelivery(row), leaseId }));
  }

  return {
    async insert({ deliveryId, ...members }) {
      const row = { _id: deliveryId, ...members, leaseUntilMs: FREE };
      const { sessionId, eventType } = members;
      const keys: mongo.Filter<DeliveryRow> = {
        $or: [{ _id: deliveryId }, { sessionId, eventType }],
      };
      await insertOnce(scope, { collection, row, keys });
    },
    async findBySession(sessionId) {
      const row = await scope.call(() => collection.findOne({ sessionId }, options));
      return row === null ? undefined : toDelivery(row);
    },
    claimDue({ nowMs, leaseUntilMs, limit, expedited }) {
      const leaseId = randomId();
      const free: mongo.Filter<DeliveryRow> = {
        state: 'pending',
        leaseUntilMs: { $lte: nowMs },
        $or: [{ dueAtMs: { $lte: nowMs } }, { _id: { $in: expedited } }],
      };
      const page = { ...options, sort: earliestFirst, limit, projection: { _id: 1 } } as const;
      const lease = { $set: { leaseId, leaseUntilMs } };
      return scope.call(async (isRepetition) => {
        const before = isRepetition ? await held(leaseId) : [];
        if (before.length > 0) return before;
        for (let round = 0; round < CLAIM_ROUNDS; round++) {
          const seen = await collection.find(free, page).toArray();
          if (seen.length === 0) return [];
          const ids = seen.map((row) => row._id);
          await collection.updateMany({ ...free, _id: { $in: ids } }, lease, options);
          const claimed = await held(leaseId);
          if (claimed.length > 0) return claimed;
        }
        return [];
      });
    },
    async finishAttempt({ delivery, leaseId }, { attemptedAtMs, outcome, next }) {
      const row = await changeOnce(scope, {
        collection,
        keys: { _id: delivery.deliveryId },
        expected: { leaseId, state: 'pending' },
        set: {
          state: next.state,
          attempts: delivery.attempts + 1,
          firstAttemptedAtMs: delivery.firstAttemptedAtMs ?? attemptedAtMs,
          lastOutcome: outcome,
          leaseUntilMs: FREE,
          ...(next.state === 'pending' ? { dueAtMs: next.dueAtMs } : { endedAtMs: attemptedAtMs }),
        },
        unset: ['leaseId'],
      });
      return row !== undefined;
    },
    async releaseLeases() {
      const free = { $set: { leaseUntilMs: FREE }, $unset: { leaseId: '' } } as const;
      await scope.call(() => collection.updateMany({ state: 'pending' }, free, options));
    },
    async nextDueAtMs() {
      const earliest = [
        { $match: { state: 'pending' } },
        { $group: { _id: null, atMs: { $min: { $max: ['$dueAtMs', '$leaseUntilMs'] } } } },
      ];
      const [row] = await scope.call(() => collection.aggregate(earliest, options).toArray());
      return row && number(row, 'atMs');
    },
    async removeOfSessions(sessionIds) {
      if (sessionIds.length === 0) return 0;
      const which = { sessionId: { $in: sessionIds } };
      // A transaction, because a deletion that is repeated alone would count what was left.
      return await scope.atomically(async (within) => {
        const removed = await within.call(() => collection.deleteMany(which, within.options));
        return removed.deletedCount;
      });
    },
    removeEndedBefore: (beforeMs, limit) =>
      removeSome(scope, { collection, which: { endedAtMs: { $lt: beforeMs } }, limit }),
  };
}
