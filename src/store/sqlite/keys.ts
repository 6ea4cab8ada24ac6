import type { KeyStore } from '../../vault/key-store.js';
import type { Runner } from './runner.js';

const INSERT = 'INSERT INTO wrappedKeys (keyId, wrapped) VALUES (?, ?)';
const FIND = 'SELECT wrapped FROM wrappedKeys WHERE keyId = ?';
const REMOVE = 'DELETE FROM wrappedKeys WHERE keyId = ?';

export function keyStore(runner: Runner): KeyStore {
  return {
    insert: ({ keyId, wrapped }) =>
      runner.write((sql) => {
        sql.run(INSERT, keyId, wrapped);
      }),
    find: (keyIds) =>
      runner.read((sql) =>
        keyIds.map((keyId) => sql.get<{ wrapped: Uint8Array }>(FIND, keyId)?.wrapped),
      ),
    remove: (keyIds) =>
      runner.write((sql) => {
        for (const keyId of keyIds) sql.run(REMOVE, keyId);
      }),
  };
}
