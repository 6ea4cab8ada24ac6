import type { Erasure, ErasureStore, StoredReceipt } from '../../erasure/erasure-store.js';
import { insertInto } from './insert.js';
import type { Runner } from './runner.js';

type Intent = NonNullable<Erasure['intent']>;

/** Intent and receipt are columns; the key ids are a JSON list. */
type ErasureRow = Omit<Erasure, 'intent' | 'receipt'> &
  Partial<Omit<Intent, 'keyIds'> & StoredReceipt> & { readonly keyIds?: string };

const INSERT = insertInto<ErasureRow>('erasures', {
  erasureId: true,
  tenantId: true,
  subject: true,
  state: true,
  uuid: true,
  keyIds: true,
  sessionId: true,
  requestedAtMs: true,
  completedAtMs: true,
  irrecoverableAtMs: true,
  entryId: true,
  bucket: true,
  sealedClaims: true,
});
const FIND = 'SELECT * FROM erasures WHERE erasureId = ?';
// Of two that were completed in one millisecond, the one that began later is the later one.
const FIND_LATEST = `
  SELECT * FROM erasures WHERE tenantId = ? AND subject = ?
  ORDER BY completedAtMs DESC NULLS FIRST, rowid DESC LIMIT 1`;
const COMPLETE = `
  UPDATE erasures SET state = 'completed', completedAtMs = ?, irrecoverableAtMs = ?,
    entryId = ?, bucket = ?, sealedClaims = ?, uuid = NULL, keyIds = NULL, sessionId = NULL
  WHERE erasureId = ? AND state = 'shredding'`;
const FIND_UNFINISHED = `
  SELECT * FROM erasures WHERE state = 'shredding' ORDER BY requestedAtMs LIMIT ?`;
const REMOVE_OF_BUCKET = `
  DELETE FROM erasures WHERE rowid IN (SELECT rowid FROM erasures WHERE bucket = ? LIMIT ?)`;

export function erasureStore(runner: Runner): ErasureStore {
  return {
    start: ({ intent, receipt, ...erasure }) =>
      runner.write((sql) => {
        const row: ErasureRow = {
          ...erasure,
          ...(intent && { ...intent, keyIds: JSON.stringify(intent.keyIds) }),
          ...receipt,
        };
        sql.run(INSERT.text, ...INSERT.values(row));
      }),
    find: (erasureId) => runner.read((sql) => fromRow(sql.get<ErasureRow>(FIND, erasureId))),
    findLatest: ({ tenantId, subject }) =>
      runner.read((sql) => fromRow(sql.get<ErasureRow>(FIND_LATEST, tenantId, subject))),
    complete: (erasureId, { completedAtMs, irrecoverableAtMs, receipt }) =>
      runner.write((sql) => {
        const { entryId, bucket, sealedClaims } = receipt;
        const completion = [completedAtMs, irrecoverableAtMs, entryId, bucket, sealedClaims];
        return sql.run(COMPLETE, ...completion, erasureId) === 1;
      }),
    findUnfinished: (limit) =>
      runner.read((sql) => sql.all<ErasureRow>(FIND_UNFINISHED, limit).map(toErasure)),
    removeOfBucket: (bucket, limit) =>
      runner.write((sql) => sql.run(REMOVE_OF_BUCKET, bucket, limit)),
  };
}

function fromRow(row: ErasureRow | undefined): Erasure | undefined {
  return row === undefined ? undefined : toErasure(row);
}

function toErasure(row: ErasureRow): Erasure {
  const { uuid, keyIds, sessionId, entryId, bucket, sealedClaims, ...erasure } = row;
  return {
    ...erasure,
    ...(uuid !== undefined &&
      keyIds !== undefined && {
        intent: {
          uuid,
          keyIds: JSON.parse(keyIds) as string[],
          ...(sessionId !== undefined && { sessionId }),
        },
      }),
    ...(entryId !== undefined &&
      bucket !== undefined &&
      sealedClaims !== undefined && { receipt: { entryId, bucket, sealedClaims } }),
  };
}
