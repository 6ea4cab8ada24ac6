import type { DestinationHealth, DestinationStore } from '../../callbacks/destination-store.js';
import { insertInto } from './insert.js';
import type { Runner } from './runner.js';

const LIST = 'SELECT * FROM destinations ORDER BY tenantId, origin';
const LIST_OF_TENANT = 'SELECT * FROM destinations WHERE tenantId = ? ORDER BY origin';
const FIND = 'SELECT * FROM destinations WHERE tenantId = ? AND origin = ?';
const PUT = insertInto<DestinationHealth>(
  'destinations',
  {
    tenantId: true,
    origin: true,
    failingSinceMs: true,
    lastFailureAtMs: true,
    lastOutcome: true,
    failures: true,
    pauses: true,
    pausedUntilMs: true,
    disabledAtMs: true,
    disabledBecause: true,
  },
  'OR REPLACE',
);
const RECORD_SUCCESS = `
  DELETE FROM destinations WHERE tenantId = ? AND origin = ? AND disabledAtMs IS NULL`;
const DISABLE = `
  UPDATE destinations SET disabledAtMs = ?, disabledBecause = ?
  WHERE tenantId = ? AND origin = ? AND disabledAtMs IS NULL`;
const ENABLE = 'DELETE FROM destinations WHERE tenantId = ? AND origin = ?';
const REMOVE_QUIET = `
  DELETE FROM destinations WHERE (tenantId, origin) IN (
    SELECT tenantId, origin FROM destinations
    WHERE disabledAtMs IS NULL AND lastFailureAtMs < ? ORDER BY lastFailureAtMs LIMIT ?)`;

export function destinationStore(runner: Runner): DestinationStore {
  return {
    list: (tenantId) =>
      runner.read((sql) =>
        tenantId === undefined
          ? sql.all<DestinationHealth>(LIST)
          : sql.all<DestinationHealth>(LIST_OF_TENANT, tenantId),
      ),
    update: ({ tenantId, origin }, next) =>
      runner.write((sql) => {
        const health = next(sql.get<DestinationHealth>(FIND, tenantId, origin));
        sql.run(PUT.text, ...PUT.values(health));
        return health;
      }),
    recordSuccess: ({ tenantId, origin }) =>
      runner.write((sql) => {
        sql.run(RECORD_SUCCESS, tenantId, origin);
      }),
    disable: ({ tenantId, origin, atMs, because }) =>
      runner.write((sql) => sql.run(DISABLE, atMs, because, tenantId, origin) === 1),
    enable: ({ tenantId, origin }) =>
      runner.write((sql) => sql.run(ENABLE, tenantId, origin) === 1),
    removeQuietSince: (beforeMs, limit) =>
      runner.write((sql) => sql.run(REMOVE_QUIET, beforeMs, limit)),
  };
}
