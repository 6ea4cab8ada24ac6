import { join } from 'node:path';
import type { Store } from '../../operations/unit-of-work.js';
import { Connection } from './connection.js';
import { createDataDir, createPrivateFile } from './data-dir.js';
import { installationStore } from './installation.js';
import { treeStores } from './key-trees.js';
import { logStore } from './log.js';
import { reflectedRootStore } from './reflected-roots.js';
import { directRunner, transactionRunner } from './runner.js';
import { prepareSchema } from './schema.js';
import { storesOn, TransactionStores } from './stores.js';
import { WriteQueue } from './write-queue.js';

/**
 * Opens the database in the data directory and makes both if there are none. Throws SchemaError
 * for a database of a newer release.
 */
export async function openSqliteStore(options: { dataDir: string }): Promise<Store> {
  createDataDir(options.dataDir);
  const path = join(options.dataDir, 'lethe.db');
  createPrivateFile(path);
  const writer = new Connection(path, { isReadOnly: false });
  try {
    prepareSchema(writer);
    return storeOn(writer, new Connection(path, { isReadOnly: true }));
  } catch (error) {
    writer.close();
    throw error;
  }
}

function storeOn(writer: Connection, reader: Connection): Store {
  const queue = new WriteQueue(writer);
  const runner = directRunner({ reader, writer, queue });
  return {
    ...storesOn(runner),
    trees: treeStores(runner),
    reflectedRoots: reflectedRootStore(runner),
    log: logStore(runner),
    installation: installationStore(runner),
    transaction: (work) => {
      const inside = transactionRunner(writer);
      return queue.run({
        run: () => work(new TransactionStores(inside)),
        end: inside.end,
      });
    },
    ping: () =>
      runner.read((sql) => {
        sql.get('SELECT 1 FROM sqlite_schema LIMIT 1');
      }),
    close: async () => {
      await queue.close();
      reader.close();
      writer.close();
    },
  };
}
