import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Store } from '../../src/operations/unit-of-work.js';
import { openSqliteStore } from '../../src/store/sqlite/open.js';
import { testDatabase } from './database.js';

/** An empty store for one test file. */
export interface TestStore {
  /** The one that is open. */
  readonly store: Store;
  /** Closes the store and opens it again on the same data. */
  reopen(): Promise<Store>;
  /** Closes the store and removes its data. */
  destroy(): Promise<void>;
}

/** SQLite in a directory of its own, or MongoDB in a database of its own (LETHE_TEST_STORE=mongo). */
export async function openTestStore(): Promise<TestStore> {
  const database = await testDatabase();
  const dataDir = mkdtempSync(join(tmpdir(), 'lethe-store-'));
  const uri = database.mongodbUri;

  async function open(): Promise<Store> {
    if (uri === undefined) return await openSqliteStore({ dataDir });
    const { openMongoStore } = await import('../../src/store/mongo/open.js');
    return await openMongoStore({ uri });
  }

  let store = await open();
  return {
    get store() {
      return store;
    },
    reopen: async () => {
      await store.close();
      store = await open();
      return store;
    },
    destroy: async () => {
      await store.close();
      await database.drop();
      rmSync(dataDir, { recursive: true, force: true });
    },
  };
}
