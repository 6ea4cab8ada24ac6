// The bare cost that appends are compared with: one INSERT for each, through the write queue of the store.
import { join } from 'node:path';
import { Connection } from '../dist/store/sqlite/connection.js';
import { createPrivateFile } from '../dist/store/sqlite/data-dir.js';
import { WriteQueue } from '../dist/store/sqlite/write-queue.js';

/** `insert` resolves when a row with these bytes is durable. */
export function openBareTable(dir) {
  const path = join(dir, 'bare.db');
  createPrivateFile(path);
  const connection = new Connection(path, { isReadOnly: false });
  connection.execute('CREATE TABLE bare (bytes BLOB NOT NULL) STRICT');
  const queue = new WriteQueue(connection);
  return {
    insert: (bytes) =>
      queue.run({ run: async () => connection.run('INSERT INTO bare (bytes) VALUES (?)', bytes) }),
    close: async () => {
      await queue.close();
      connection.close();
    },
  };
}
