import { join } from 'node:path';
import { openSqliteStore } from '../../src/store/sqlite/open.js';
import { createKeyTreeVault, type KeyTreeVault } from '../../src/vault/key-tree-vault.js';
import { RootFile } from '../../src/vault/roots/root-file.js';
import type { RootStore } from '../../src/vault/roots/root-store.js';
import { TreeOwner } from '../../src/vault/tree/tree-owner.js';

/** One process uses these files, so that no lock is needed. */
export function rootFileIn(folder: string): RootFile {
  return new RootFile({ path: join(folder, 'root'), lock: () => ({ release: () => undefined }) });
}

/** The vault as the service has it: the key tree on SQLite, the root in a file. */
export async function openVault(folder: string, rootStore: RootStore): Promise<KeyTreeVault> {
  const store = await openSqliteStore({ dataDir: join(folder, 'data') });
  const owner = await TreeOwner.open({ rootStores: [rootStore], trees: store.trees }, (error) => {
    throw error;
  });
  const vault = await createKeyTreeVault(owner);
  return {
    ...vault,
    close: async () => {
      await vault.close();
      await rootStore.close();
      await store.close();
    },
  };
}
