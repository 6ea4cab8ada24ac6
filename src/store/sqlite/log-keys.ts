import type { LogKey, LogKeyStore } from '../../audit/log-store.js';
import type { Sql } from './connection.js';
import { insertInto } from './insert.js';
import type { Runner } from './runner.js';

const LIST = 'SELECT * FROM logKeys ORDER BY generation';
const INSERT = insertInto<LogKey>(
  'logKeys',
  { generation: true, vkey: true, createdAtMs: true, signsUntilMs: true },
  'ON CONFLICT DO NOTHING',
);
const RETIRE = 'UPDATE logKeys SET signsUntilMs = ? WHERE generation = ?';

export function logKeyStore(runner: Runner): LogKeyStore {
  return {
    list: () => runner.read(readLogKeys),
    insert: (key) => runner.write((sql) => sql.run(INSERT.text, ...INSERT.values(key)) === 1),
    retire: (generation, signsUntilMs) =>
      runner.write((sql) => {
        sql.run(RETIRE, signsUntilMs, generation);
      }),
  };
}

/** All keys, oldest first. */
export function readLogKeys(sql: Sql): readonly LogKey[] {
  return sql.all<LogKey>(LIST);
}
