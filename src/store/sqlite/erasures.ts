import type { Erasure, ErasureStore } from '../../erasure/erasure-store.js';
import { insertInto } from './insert.js';
import type { Runner } from './runner.js';

type ErasureRow = Omit<Erasure, 'intent'> & {
  readonly uuid?: string;
  /** JSON list. */
  readonly keyIds?: string;
};

const INSERT = insertInto<ErasureRow>('erasures', {
  erasureId: true,
  tenantId: true,
  subject: true,
  state: true,
  uuid: true,
  keyIds: true,
  requestedAtMs: true,
  completedAtMs: true,
  irrecoverableAtMs: true,
});
const FIND = 'SELECT * FROM erasures WHERE erasureId = ?';
// Of two that were completed in one millisecond, the one that began later is the later one.
const FIND_LATEST = `
  SELECT * FROM erasures WHERE tenantId = ? AND subject = ?
  ORDER BY completedAtMs DESC NULLS FIRST, rowid DESC LIMIT 1`;
const COMPLETE = `
  UPDATE erasures SET state = 'completed', completedAtMs = ?, irrecoverableAtMs = ?, uuid = NULL, keyIds = NULL
  WHERE erasureId = ? AND state = 'shredding'`;
const FIND_UNFINISHED = `
  SELECT * FROM erasures WHERE state = 'shredding' ORDER BY requestedAtMs LIMIT ?`;

export function erasureStore(runner: Runner): ErasureStore {
  return {
    start: ({ intent, ...erasure }) =>
      runner.write((sql) => {
        const row: ErasureRow = {
          ...erasure,
          ...(intent && { uuid: intent.uuid, keyIds: JSON.stringify(intent.keyIds) }),
        };
        sql.run(INSERT.text, ...INSERT.values(row));
      }),
    find: (erasureId) => runner.read((sql) => fromRow(sql.get<ErasureRow>(FIND, erasureId))),
    findLatest: ({ tenantId, subject }) =>
      runner.read((sql) => fromRow(sql.get<ErasureRow>(FIND_LATEST, tenantId, subject))),
    complete: (erasureId, { completedAtMs, irrecoverableAtMs }) =>
      runner.write(
        (sql) => sql.run(COMPLETE, completedAtMs, irrecoverableAtMs ?? null, erasureId) === 1,
      ),
    findUnfinished: (limit) =>
      runner.read((sql) => sql.all<ErasureRow>(FIND_UNFINISHED, limit).map(toErasure)),
  };
}

function fromRow(row: ErasureRow | undefined): Erasure | undefined {
  return row === undefined ? undefined : toErasure(row);
}

function toErasure({ uuid, keyIds, ...erasure }: ErasureRow): Erasure {
  if (uuid === undefined || keyIds === undefined) return erasure;
  return { ...erasure, intent: { uuid, keyIds: JSON.parse(keyIds) as string[] } };
}
