import type { mongo } from 'mongoose';
import type { DeliveryStore } from '../../callbacks/delivery-store.js';
import { randomId } from '../../lib/ids.js';
import { claimDeliveries } from './claim-deliveries.js';
import { type DeliveryRow, toDelivery } from './delivery-rows.js';
import { number, object, text } from './fields.js';
import { changeOnce, insertOnce, removeSome } from './once.js';
import type { Scope } from './scope.js';

type Filter = mongo.Filter<DeliveryRow>;

/** The due time comes from the row itself: each has its own. */
const FREE = [{ $set: { claimableAtMs: '$dueAtMs' } }, { $unset: 'leaseId' }];

export function deliveryStore(scope: Scope): DeliveryStore {
  const { options } = scope;
  const collection = scope.collections.deliveries;

  async function findOne(filter: Filter) {
    const row = await scope.call(() => collection.findOne(filter, options));
    return row === null ? undefined : toDelivery(row);
  }

  return {
    async insert({ deliveryId, ...members }) {
      const row = { _id: deliveryId, ...members, claimableAtMs: members.dueAtMs };
      const { sessionId, eventType } = members;
      const keys: Filter = { $or: [{ _id: deliveryId }, { sessionId, eventType }] };
      await insertOnce(scope, { collection, row, keys });
    },
    supersede({ sessionId, nowMs }) {
      const waiting: Filter = { sessionId, state: 'pending', eventType: { $ne: 'session.ended' } };
      const free: Filter = {
        ...waiting,
        $or: [{ leaseId: { $exists: false } }, { claimableAtMs: { $lte: nowMs } }],
      };
      const end = { $set: { state: 'superseded', endedAtMs: nowMs } } as const;
      // Written although nothing changes: the end of that attempt then meets this transaction.
      const touch = { $set: { writeId: randomId() } };
      return scope.atomically(async ({ call, options: within }) => {
        await call(() => collection.updateMany(free, end, within));
        await call(() => collection.updateMany(waiting, touch, within));
        const leased = await call(() => collection.find(waiting, within).toArray());
        const untilMs = leased.map((row) => number(row, 'claimableAtMs'));
        return untilMs.length === 0 ? undefined : Math.max(...untilMs);
      });
    },
    find: (deliveryId) => findOne({ _id: deliveryId }),
    findBySession: (sessionId) => findOne({ sessionId, eventType: 'session.ended' }),
    list({ filter: { tenantId, state, sessionId, origin, fromMs, untilMs }, ...page }) {
      const filter: Filter = {
        tenantId,
        ...(page.beforeDeliveryId !== undefined && { _id: { $lt: page.beforeDeliveryId } }),
        ...(state !== undefined && { state }),
        ...(sessionId !== undefined && { sessionId }),
        ...(origin !== undefined && { origin }),
        createdAtMs: { $gte: fromMs ?? 0, $lt: untilMs ?? Number.MAX_SAFE_INTEGER },
      };
      const newestFirst = { ...options, sort: { _id: -1 }, limit: page.limit } as const;
      return scope.call(async () =>
        (await collection.find(filter, newestFirst).toArray()).map(toDelivery),
      );
    },
    async listQueues() {
      const queues = [
        { $match: { state: 'pending' } },
        {
          $group: {
            _id: { tenantId: '$tenantId', origin: '$origin' },
            nextAtMs: { $min: '$claimableAtMs' },
          },
        },
      ];
      const rows = await scope.call(() => collection.aggregate(queues, options).toArray());
      return rows.map((row) => ({
        tenantId: text(object(row, '_id'), 'tenantId'),
        origin: text(object(row, '_id'), 'origin'),
        nextAtMs: number(row, 'nextAtMs'),
      }));
    },
    claim: (claim) => claimDeliveries(scope, claim),
    async finishAttempt({ delivery, leaseId }, { attempt, attemptLog, next }) {
      const { deliveryId, sessionId, eventType } = delivery;
      const ended: Filter = { sessionId, eventType: 'session.ended' };

      async function finish(within: Scope, isLast: boolean): Promise<boolean> {
        const state = isLast && next.state === 'pending' ? 'superseded' : next.state;
        const dueAtMs = next.state === 'pending' ? next.dueAtMs : delivery.dueAtMs;
        const row = await changeOnce(within, {
          collection,
          keys: { _id: deliveryId },
          expected: { leaseId, state: 'pending' },
          set: {
            state,
            attempts: delivery.attempts + 1,
            attemptLog,
            dueAtMs,
            claimableAtMs: dueAtMs,
            ...(state !== 'pending' && { endedAtMs: attempt.atMs }),
          },
          unset: ['leaseId'],
        });
        return row !== undefined;
      }

      if (eventType !== 'session.started') return await finish(scope, false);
      return await scope.atomically(async (within) => {
        const free: Filter = {
          ...ended,
          state: 'pending',
          leaseId: { $exists: false },
          claimableAtMs: { $gt: attempt.atMs },
        };
        const due = { $set: { dueAtMs: attempt.atMs, claimableAtMs: attempt.atMs } };
        const last = await within.call(() => collection.findOne(ended, within.options));
        const isFinished = await finish(within, last !== null);
        await within.call(() => collection.updateOne(free, due, within.options));
        return isFinished;
      });
    },
    replay({ tenantId, deliveryId, nowMs }) {
      const keys: Filter = { _id: deliveryId, tenantId };
      const due = { dueAtMs: nowMs, claimableAtMs: nowMs };
      return scope.atomically(async (within) => {
        await changeOnce(within, {
          collection,
          keys,
          expected: { state: { $in: ['delivered', 'failed'] } },
          set: { state: 'pending', attempts: 0, ...due },
          unset: ['endedAtMs'],
        });
        await changeOnce(within, {
          collection,
          keys,
          expected: { state: 'pending', leaseId: { $exists: false }, dueAtMs: { $gt: nowMs } },
          set: due,
        });
        const which: Filter = { ...keys, state: 'pending' };
        const row = await within.call(() => collection.findOne(which, within.options));
        return row === null ? undefined : toDelivery(row);
      });
    },
    async giveBack(rows) {
      const which: Filter = {
        $or: rows.map(({ delivery, leaseId }) => ({ _id: delivery.deliveryId, leaseId })),
      };
      if (rows.length > 0) await scope.call(() => collection.updateMany(which, FREE, options));
    },
    async releaseLeases() {
      const leased: Filter = { state: 'pending', leaseId: { $exists: true } };
      await scope.call(() => collection.updateMany(leased, FREE, options));
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
    removeCreatedBefore: (beforeMs, limit) =>
      removeSome(scope, { collection, which: { createdAtMs: { $lt: beforeMs } }, limit }),
  };
}
