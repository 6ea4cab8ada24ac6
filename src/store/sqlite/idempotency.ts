import type { IdempotencyStart, IdempotencyStore } from '../../sessions/idempotency-store.js';
import type { Runner } from './runner.js';

interface IdempotencyRow {
  readonly fingerprint: string;
  readonly status?: number;
  readonly sealedBody?: Uint8Array;
}

// `expiresAtMs` is the end of the lease until there is an answer.
const FIND = `
  SELECT fingerprint, status, sealedBody FROM idempotency
  WHERE scope = ? AND key = ? AND expiresAtMs > ?`;
const START = `
  INSERT OR REPLACE INTO idempotency (scope, key, fingerprint, expiresAtMs) VALUES (?, ?, ?, ?)`;
const FINISH = `
  UPDATE idempotency SET status = ?, sealedBody = ?, expiresAtMs = ?
  WHERE scope = ? AND key = ? AND status IS NULL`;
const ABANDON = 'DELETE FROM idempotency WHERE scope = ? AND key = ? AND status IS NULL';
const REMOVE_EXPIRED = `
  DELETE FROM idempotency WHERE rowid IN (
    SELECT rowid FROM idempotency WHERE expiresAtMs <= ? ORDER BY expiresAtMs LIMIT ?)`;

export function idempotencyStore(runner: Runner): IdempotencyStore {
  return {
    start: ({ scope, key, fingerprint, nowMs, leaseUntilMs }) =>
      runner.write((sql) => {
        const row = sql.get<IdempotencyRow>(FIND, scope, key, nowMs);
        if (row !== undefined) return earlierUse(row, fingerprint);
        sql.run(START, scope, key, fingerprint, leaseUntilMs);
        return { outcome: 'started' };
      }),
    finish: ({ scope, key, answer, expiresAtMs }) =>
      runner.write((sql) => {
        sql.run(FINISH, answer.status, answer.sealedBody, expiresAtMs, scope, key);
      }),
    abandon: ({ scope, key }) =>
      runner.write((sql) => {
        sql.run(ABANDON, scope, key);
      }),
    removeExpired: (nowMs, limit) => runner.write((sql) => sql.run(REMOVE_EXPIRED, nowMs, limit)),
  };
}

function earlierUse(row: IdempotencyRow, fingerprint: string): IdempotencyStart {
  const { status, sealedBody } = row;
  if (row.fingerprint !== fingerprint) return { outcome: 'mismatch' };
  if (status === undefined || sealedBody === undefined) return { outcome: 'in-flight' };
  return { outcome: 'finished', answer: { status, sealedBody } };
}
