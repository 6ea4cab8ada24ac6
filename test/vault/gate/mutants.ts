/** A bug that must not go unnoticed: a place in the sources, and what stands there instead. */
export interface Mutant {
  readonly name: string;
  /** Below `src/`. */
  readonly file: string;
  readonly find: string;
  readonly replace: string;
}

/**
 * One for each step of the protocol, and for each thing that the steps rest on: the bugs by which
 * an erasure would look done and not be, or would take more than it may.
 */
export const MUTANTS: readonly Mutant[] = [
  {
    name: 'the old root is not wiped',
    file: 'vault/tree/tree-writer.ts',
    find: '      await tree.root.forget();\n',
    replace: '',
  },
  {
    name: 'the answer does not wait for the wipe',
    file: 'vault/tree/tree-writer.ts',
    find: 'await tree.root.forget();',
    replace: 'setTimeout(() => void tree.root.forget(), 50);',
  },
  {
    name: 'the next root is staged before the nodes are stored',
    file: 'vault/tree/tree-writer.ts',
    find: '      await this.#commit(tree, draft.seal());\n      this.#owner.requireClaim();\n      await tree.root.stage(next);\n',
    replace:
      '      const sealed = draft.seal();\n      await tree.root.stage(next);\n      await this.#commit(tree, sealed);\n',
  },
  {
    name: 'the old root is wiped before the next one is staged',
    file: 'vault/tree/tree-writer.ts',
    find: '      await tree.root.stage(next);\n      this.#owner.requireClaim();\n      await tree.root.forget();\n',
    replace: '      await tree.root.forget();\n      await tree.root.stage(next);\n',
  },
  {
    name: 'the leaf keeps its key',
    file: 'vault/tree/tree-draft.ts',
    find: 'node.key = SecretBytes.random(KEY_BYTES);',
    replace:
      'node.key = place.level === 0 && place.tree > 0 ? SecretBytes.take(this.#tree.keyOf(place).use((k) => Uint8Array.from(k))) : SecretBytes.random(KEY_BYTES);',
  },
  {
    name: 'a node between leaf and root keeps its key',
    file: 'vault/tree/tree-draft.ts',
    find: 'node.key = SecretBytes.random(KEY_BYTES);',
    replace:
      'node.key = place.level === 1 ? SecretBytes.take(this.#tree.keyOf(place).use((k) => Uint8Array.from(k))) : SecretBytes.random(KEY_BYTES);',
  },
  {
    name: 'new node keys are all the same',
    file: 'vault/tree/tree-draft.ts',
    find: 'node.key = SecretBytes.random(KEY_BYTES);',
    replace: 'node.key = SecretBytes.take(new Uint8Array(KEY_BYTES).fill(7));',
  },
  {
    name: 'the share of the root is the same at every epoch',
    file: 'vault/roots/erasable-root.ts',
    find: 'share: SecretBytes.random(SHARE_BYTES),',
    replace: 'share: SecretBytes.take(new Uint8Array(SHARE_BYTES).fill(shareIndex + 1)),',
  },
  {
    name: 'only the first share counts',
    file: 'vault/roots/root-key.ts',
    find: 'shares.forEach((share, at) => {',
    replace: 'shares.slice(0, 1).forEach((share, at) => {',
  },
  {
    name: 'only the first store is wiped',
    file: 'vault/roots/erasable-root.ts',
    find: 'this.#stores.slice(0, this.#shareCount);\n    await allOf(holders.map',
    replace: 'this.#stores.slice(0, 1);\n    await allOf(holders.map',
  },
  {
    name: 'the key stays in its slot',
    file: 'vault/tree/tree-draft.ts',
    find: '.use((bytes) => bytes.fill(0));',
    replace: '.use((bytes) => bytes);',
  },
  {
    name: 'the key beside it goes too',
    file: 'vault/tree/tree-writer.ts',
    find: 'for (const { place, entry } of found) draft.clearEntry(place, entry);',
    replace:
      'for (const { place, entry } of found) { draft.clearEntry(place, entry); draft.clearEntry(place, (entry + 1) % 64); }',
  },
  {
    name: 'an erasure of several keys forgets the last',
    file: 'vault/tree/tree-writer.ts',
    find: 'for (const { place, entry } of found) draft.clearEntry(place, entry);',
    replace:
      'for (const { place, entry } of found.length > 1 ? found.slice(0, -1) : found) draft.clearEntry(place, entry);',
  },
  {
    name: 'the path above the leaf is not rekeyed',
    file: 'vault/tree/tree-draft.ts',
    find: '    this.setEntry(parent.place, parent.entry, node.key);\n    this.rekey(parent.place);\n  }\n',
    replace: '    this.setEntry(parent.place, parent.entry, node.key);\n  }\n',
  },
  {
    name: 'a tenant that was dropped stays in the directory',
    file: 'vault/tree/tree-draft.ts',
    find: '    this.clearEntry(parent.place, parent.entry);\n    this.rekey(parent.place);\n',
    replace: '    this.rekey(parent.place);\n',
  },
  {
    name: 'the enrolment key is a constant',
    file: 'vault/key-tree-vault.ts',
    find: 'const key = SecretBytes.random(KEY_BYTES);',
    replace: 'const key = SecretBytes.take(new Uint8Array(KEY_BYTES).fill(9));',
  },
  {
    name: 'the root is written into the database',
    file: 'vault/tree/tree-writer.ts',
    find: 'await store.commit({ ...change, removedTrees, rootEpoch }, ownerId);',
    replace:
      "await store.commit({ ...change, removedTrees, rootEpoch, namedTrees: [...(change.namedTrees ?? []), { tree: 4e6 + Math.floor(Math.random() * 1e6), scope: tree.root.key.use((k) => Array.from(k, (b) => b.toString(16).padStart(2, '0')).join('')) }] }, ownerId);",
  },
  {
    name: 'the share is staged without a sync',
    file: 'vault/roots/root-file.ts',
    find: 'bytes.use((printed) => file.write(printed, at * SLOT_BYTES));\n      file.sync();',
    replace: 'bytes.use((printed) => file.write(printed, at * SLOT_BYTES));',
  },
  {
    name: 'the share is wiped without a sync',
    file: 'vault/roots/root-file.ts',
    find: 'file.write(noise(), at * SLOT_BYTES);\n      });\n      file.sync();',
    replace: 'file.write(noise(), at * SLOT_BYTES);\n      });',
  },
  {
    name: 'the next share is written over the current one',
    file: 'vault/roots/root-file.ts',
    find: '1 - present.indexOf(current)',
    replace: 'present.indexOf(current)',
  },
  {
    name: 'the root file is written anew and renamed',
    file: 'vault/roots/block-file.ts',
    find: '    sync: () => {\n      fdatasyncSync(file);\n    },',
    replace:
      "    sync: () => {\n      fdatasyncSync(file);\n      process.getBuiltinModule('node:fs').copyFileSync(path, `${path}.new`);\n      process.getBuiltinModule('node:fs').renameSync(`${path}.new`, path);\n    },",
  },
  {
    name: 'a start after a crash does not wipe',
    file: 'vault/tree/tree-owner.ts',
    find: '      await root.forget();\n',
    replace: '',
  },
  {
    name: 'a start after a crash takes a root that was not staged everywhere',
    file: 'vault/roots/erasable-root.ts',
    find: 'return shares.length > 0 && shares.length === shares[0]?.shareCount ? shares : undefined;',
    replace: 'return shares.length > 0 ? shares : undefined;',
  },
  {
    name: 'a failed change is believed to have happened',
    file: 'vault/tree/tree-writer.ts',
    find: '      draft.discard();\n      this.#owner.distrust();\n      throw error;',
    replace: '      void error;',
  },
  {
    name: 'a process that lost the root goes on',
    file: 'vault/tree/tree-writer.ts',
    find: 'if (!isDone) throw new FencedError();',
    replace: 'void isDone;',
  },
  {
    name: 'the next nodes are written over the current ones',
    file: 'vault/tree/tree-draft.ts',
    find: 'side: before.side === 0 ? 1 : 0,',
    replace: 'side: before.side,',
  },
  {
    name: 'a node is not bound to its place',
    file: 'vault/tree/key-node.ts',
    find: 'cipher.setAAD(sealed.subarray(0, NODE_HEADER_BYTES));',
    replace: 'cipher.setAAD(sealed.subarray(0, 1));',
  },
  {
    name: 'a template is not bound to its owner',
    file: 'vault/template-seal.ts',
    find: 'of.owner.tenantId, of.owner.uuid, ',
    replace: '',
  },
  {
    name: 'two seals share an IV',
    file: 'vault/tree/key-node.ts',
    find: '  randomFillSync(iv);\n',
    replace: '  iv.fill(1);\n  void randomFillSync;\n',
  },
  {
    name: 'an old name opens the key that has its slot now',
    file: 'vault/tree/tree-writer.ts',
    find: 'if (keyIdText(key) !== name.keyId) return [];',
    replace: 'void keyIdText;',
  },
  {
    name: 'a tree that is older than the root is taken for a new one',
    file: 'vault/tree/tree-loader.ts',
    find: 'if (!isNew) throw',
    replace: 'if (newest > 1e9) throw',
  },
];
