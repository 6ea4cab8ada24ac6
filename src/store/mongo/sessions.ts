import type { mongo } from 'mongoose';
import type { Session } from '../../sessions/session.js';
import type { SessionStore } from '../../sessions/session-store.js';
import { changeOnce, insertNew, removeSome } from './once.js';
import type { Scope } from './scope.js';
import { ENDED, OPEN, type SessionRow, toSession } from './session-rows.js';

export function sessionStore(scope: Scope): SessionStore {
  const { options } = scope;
  const collection = scope.collections.sessions;
  const findAll = (
    filter: mongo.Filter<SessionRow>,
    page: mongo.FindOptions = {},
  ): Promise<readonly Session[]> =>
    scope.call(async () => {
      const rows = await collection.find(filter, { ...options, ...page }).toArray();
      return rows.map(toSession);
    });

  return {
    async insert({ sessionId, ...members }) {
      const row = { _id: sessionId, ...members };
      await insertNew(scope, { collection, row, keys: { _id: sessionId } });
    },
    async find(sessionId) {
      const row = await scope.call(() => collection.findOne({ _id: sessionId }, options));
      return row === null ? undefined : toSession(row);
    },
    async markStarted(sessionId) {
      const row = await changeOnce(scope, {
        collection,
        keys: { _id: sessionId },
        expected: { state: 'CREATED' },
        set: { state: 'IN_PROGRESS' },
      });
      return row !== undefined;
    },
    async end(sessionId, { uuid, ...members }) {
      const row = await changeOnce(scope, {
        collection,
        keys: { _id: sessionId },
        expected: { state: { $in: OPEN } },
        set: typeof uuid === 'string' ? { uuid, ...members } : members,
        ...(uuid === null && { unset: ['uuid'] }),
      });
      return row && toSession(row);
    },
    findExpired: (nowMs, limit) =>
      findAll(
        { state: { $in: OPEN }, expiresAtMs: { $lte: nowMs } },
        { sort: { expiresAtMs: 1, _id: 1 }, limit },
      ),
    findOpenOfSubject: ({ tenantId, uuid }) =>
      findAll({ tenantId, uuid, state: { $in: OPEN }, type: { $ne: 'DELETE' } }),
    findOpenOfErasure: (erasureId) => findAll({ erasureId, state: { $in: OPEN }, type: 'DELETE' }),
    forgetSubject({ tenantId, uuid }) {
      const which = { tenantId, uuid, state: { $in: ENDED } };
      const forgotten = { $unset: { uuid: 1, auditTag: 1, transactionID: 1 } } as const;
      return scope.atomically(async ({ call, options: within }) => {
        const found = { ...within, projection: { _id: 1 } } as const;
        const rows = await call(() => collection.find(which, found).toArray());
        const ids = rows.map((row) => row._id);
        await call(() => collection.updateMany({ _id: { $in: ids } }, forgotten, within));
        return ids;
      });
    },
    removeEndedBefore: (beforeMs, limit) =>
      removeSome(scope, { collection, which: { endedAtMs: { $lt: beforeMs } }, limit }),
  };
}
