import type { SubjectStore } from '../../biometrics/subject-store.js';
import { changeOnce, holdOne, insertOnce } from './once.js';
import type { Scope } from './scope.js';
import { toSubject } from './subject-rows.js';

export function subjectStore(scope: Scope): SubjectStore {
  const { options } = scope;
  const collection = scope.collections.subjects;

  return {
    async find({ tenantId, uuid }) {
      const row = await holdOne(scope, { collection, which: { tenantId, uuid } });
      return row && toSubject(row);
    },
    async insert(subject) {
      const keys = { tenantId: subject.tenantId, uuid: subject.uuid };
      const isInserted = await insertOnce(scope, { collection, row: subject, keys });
      return isInserted ? 'inserted' : 'exists';
    },
    async beginErasure({ tenantId, uuid }) {
      const row = await changeOnce(scope, {
        collection,
        keys: { tenantId, uuid },
        expected: { state: 'live' },
        set: { state: 'erasing' },
      });
      return row && toSubject(row);
    },
    async remove({ tenantId, uuid }) {
      await scope.call(() => collection.deleteOne({ tenantId, uuid }, options));
    },
    async scan({ tenantId, model, afterUuid, limit }) {
      const filter = {
        tenantId,
        'enrolment.model': model,
        state: 'live',
        uuid: { $gt: afterUuid },
      } as const;
      const page = { ...options, sort: { uuid: 1 }, limit } as const;
      const rows = await scope.call(() => collection.find(filter, page).toArray());
      return rows.map(toSubject);
    },
    async scanAll({ after, limit }) {
      const filter =
        after === undefined
          ? {}
          : {
              $or: [
                { tenantId: { $gt: after.tenantId } },
                { tenantId: after.tenantId, uuid: { $gt: after.uuid } },
              ],
            };
      const page = { ...options, sort: { tenantId: 1, uuid: 1 }, limit } as const;
      const rows = await scope.call(() => collection.find(filter, page).toArray());
      return rows.map(toSubject);
    },
    count: (tenantId) => scope.call(() => collection.countDocuments({ tenantId }, options)),
  };
}
