import { join } from 'node:path';
import { lockFile } from '../../src/store/sqlite/data-dir.js';
import { openSqliteStore } from '../../src/store/sqlite/open.js';
import { createKeyTreeVault } from '../../src/vault/key-tree-vault.js';
import { type BlockFile, openBlockFile } from '../../src/vault/roots/block-file.js';
import { RootFile } from '../../src/vault/roots/root-file.js';
import type { RootStore } from '../../src/vault/roots/root-store.js';
import { TreeOwner } from '../../src/vault/tree/tree-owner.js';
import type { TreeStores } from '../../src/vault/tree/tree-store.js';
import type { Vault } from '../../src/vault/vault.js';

const SECTOR_BYTES = 512;

/** Called where a process may be killed. */
type AtStep = (step: string) => void;

/** The vault of a data directory, on SQLite and on so many root files, as the service opens it. */
export async function openVaultIn(
  dataDir: string,
  options: { rootFiles: number; atStep?: AtStep },
): Promise<{ vault: Vault; close(): Promise<void> }> {
  const { rootFiles, atStep = () => undefined } = options;
  const store = await openSqliteStore({ dataDir });
  const roots = Array.from({ length: rootFiles }, (_, at) => {
    const path = join(dataDir, `root-${at}.key`);
    return new RootFile({
      path,
      lock: lockFile,
      open: (...of) => withSteps(openBlockFile(...of), atStep),
    });
  });
  const rootStores = roots.map((root) => rootWithSteps(root, atStep));
  const trees = treesWithSteps(store.trees, atStep);
  const vault = await createKeyTreeVault(
    await TreeOwner.open({ rootStores, trees }, () => undefined),
  );
  return {
    vault,
    close: async () => {
      await vault.close();
      for (const root of roots) await root.close();
      await store.close();
    },
  };
}

/** A write is interrupted after its first sector. */
function withSteps(file: BlockFile, atStep: AtStep): BlockFile {
  return {
    ...file,
    write: (bytes, atByte) => {
      file.write(bytes.subarray(0, SECTOR_BYTES), atByte);
      atStep('write');
      file.write(bytes.subarray(SECTOR_BYTES), atByte + SECTOR_BYTES);
    },
    sync: () => {
      atStep('sync');
      file.sync();
    },
  };
}

/** Before the first of these steps is after the commit, or after the step before. */
function rootWithSteps(root: RootStore, atStep: AtStep): RootStore {
  return {
    name: root.name,
    preflight: async () => await root.preflight(),
    load: async () => await root.load(),
    stage: async (slot) => {
      await root.stage(slot);
      atStep('after stage');
    },
    wipe: async (except) => {
      await root.wipe(except);
      atStep('after wipe');
    },
    close: async () => {
      await root.close();
    },
  };
}

function treesWithSteps(trees: TreeStores, atStep: AtStep): TreeStores {
  return {
    rootIds: async () => await trees.rootIds(),
    of: (rootId) => {
      const store = trees.of(rootId);
      return {
        ...store,
        commit: async (...change) => {
          atStep('before commit');
          const isDone = await store.commit(...change);
          atStep('after commit');
          return isDone;
        },
      };
    },
  };
}
