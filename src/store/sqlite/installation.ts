import type { Installation, InstallationStore } from '../../vault/installation-store.js';
import type { Sql } from './connection.js';
import { insertInto } from './insert.js';
import type { Runner } from './runner.js';

type InstallationRow = Installation & { readonly onlyRow: 1 };

const INSERT = insertInto<InstallationRow>(
  'installation',
  {
    onlyRow: true,
    installationId: true,
    serviceKeyCheck: true,
    sealedPayloadKey: true,
    createdAtMs: true,
  },
  'ON CONFLICT DO NOTHING',
);
const FIND = `
  SELECT installationId, serviceKeyCheck, sealedPayloadKey, createdAtMs
  FROM installation WHERE onlyRow = 1`;

export function installationStore(runner: Runner): InstallationStore {
  const find = (sql: Sql): Installation | undefined => sql.get<Installation>(FIND);
  return {
    find: () => runner.read(find),
    insert: (installation) =>
      runner.write((sql) => {
        sql.run(INSERT.text, ...INSERT.values({ ...installation, onlyRow: 1 }));
        return find(sql) ?? installation;
      }),
  };
}
