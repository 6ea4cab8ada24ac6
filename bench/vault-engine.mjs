// A vault as the service joins it (src/vault-context.ts): a key tree over SQLite and one root file, with
// an ear at the port of the database.
import { join } from 'node:path';
import { lockFile } from '../dist/store/sqlite/data-dir.js';
import { openSqliteStore } from '../dist/store/sqlite/open.js';
import { createKeyTreeVault } from '../dist/vault/key-tree-vault.js';
import { RootFile } from '../dist/vault/roots/root-file.js';
import { placeText } from '../dist/vault/tree/key-tree.js';
import { TreeOwner } from '../dist/vault/tree/tree-owner.js';

/** The stores of a vault: `written` counts what is committed to the tree since the last reset. */
export async function openStores(dir) {
  const store = await openSqliteStore({ dataDir: dir });
  const rootFile = new RootFile({ path: join(dir, 'root.key'), lock: lockFile });
  const ear = { written: { nodes: 0, sealedBytes: 0 }, heldLeaves: undefined };
  const trees = {
    rootIds: () => store.trees.rootIds(),
    of: (rootId) => overheard(store.trees.of(rootId), ear),
  };
  return {
    dir,
    rootFile,
    ear,
    openOwner: () => TreeOwner.open({ rootStores: [rootFile], trees }, failFenced),
    close: async () => {
      await rootFile.close();
      await store.close();
    },
  };
}

/** The whole vault; ended by its own `close`. */
export async function openVault(dir) {
  const stores = await openStores(dir);
  const owner = await stores.openOwner();
  const vault = await createKeyTreeVault(owner);
  return {
    ...stores,
    owner,
    vault,
    close: async () => {
      await vault.close();
      await stores.close();
    },
  };
}

/** Reads leaves from memory from now on, to tell what the database costs; `undefined` ends that. */
export async function holdLeaves({ owner, ear }, places) {
  ear.heldLeaves = undefined;
  if (places === undefined) return;
  const leaves = new Map();
  for (const place of places) leaves.set(placeText(place), await owner.store.find([place]));
  ear.heldLeaves = leaves;
}

function overheard(treeStore, ear) {
  return {
    ...treeStore,
    find: (places) =>
      ear.heldLeaves === undefined
        ? treeStore.find(places)
        : Promise.resolve(places.flatMap((place) => ear.heldLeaves.get(placeText(place)))),
    commit: async (change, ownerId) => {
      for (const { sealed } of [...(change.written ?? []), ...(change.resealed ?? [])]) {
        ear.written.nodes += 1;
        ear.written.sealedBytes += sealed.byteLength;
      }
      return await treeStore.commit(change, ownerId);
    },
  };
}

function failFenced(error) {
  throw error;
}
