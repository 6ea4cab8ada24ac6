import { sha256 } from '../../crypto/hash.js';
import type { SecretBytes } from '../../crypto/secret-bytes.js';
import { base64url } from '../../lib/bytes.js';
import { type KeyName, keyIdText } from '../key-name.js';
import type { Shredded } from '../vault.js';
import type { NodePlace } from './key-node.js';
import { DIRECTORY, entryOf, isEmpty, type KeyTree, leafOf, placeText } from './key-tree.js';
import { RecentTombstones } from './recent-tombstones.js';
import { TreeDraft } from './tree-draft.js';
import {
  addKeys,
  growDirectory,
  hasDirectoryRoom,
  leavesWithRoom,
  type Slot,
} from './tree-growth.js';
import type { TreeOwner } from './tree-owner.js';
import { type OpenLeaves, openLeaves } from './tree-reader.js';
import { FencedError, type TreeChange } from './tree-store.js';

/** A key that gets a place in the tree. */
export interface Addition {
  readonly scope: string;
  /** Copied; stays the caller's. */
  readonly key: SecretBytes;
}

/** Keys that are to be destroyed, or all of a scope. */
export type Removal = { readonly names: readonly KeyName[] } | { readonly scope: string };

/** What a new root is given besides fresh shares. */
export interface RootChanges {
  readonly escrowedUntilMs?: number;
}

/**
 * Changes the tree, one batch after the other. Whatever fails leaves the stores to be read again:
 * then either all of a batch has happened or nothing.
 */
export class TreeWriter {
  readonly #owner: TreeOwner;
  readonly #recent = new RecentTombstones();
  #recordedEpoch = 0;

  constructor(owner: TreeOwner) {
    this.#owner = owner;
  }

  /** Puts keys into the tree: durable on return. Returns their places in order. */
  async add(additions: readonly Addition[]): Promise<Slot[]> {
    const scopes = [...new Set(additions.map(({ scope }) => scope))];
    const needs = scopes.map((scope) => ({
      scope,
      keyCount: additions.filter((addition) => addition.scope === scope).length,
    }));
    const tree = await this.#owner.tree();
    while (!hasDirectoryRoom(tree, needs)) {
      await this.#rotate(tree, new Map(), (draft, rootKey) => {
        growDirectory(tree, draft, rootKey);
      });
    }
    const groups = scopes.map((scope) => {
      const members = additions.filter((addition) => addition.scope === scope);
      return { scope, members, leaves: leavesWithRoom(tree, scope, members.length) };
    });
    const leaves = await this.#read(
      tree,
      groups.flatMap((group) => group.leaves),
    );
    const draft = new TreeDraft(tree);
    const slots = new Map<SecretBytes, Slot>();
    await this.#attempt(draft, async () => {
      for (const leaf of leaves.values()) draft.adopt(leaf);
      for (const { scope, members, leaves: chosen } of groups) {
        const keys = members.map(({ key }) => key);
        for (const [key, slot] of addKeys(tree, draft, { scope, leaves: chosen, keys }))
          slots.set(key, slot);
      }
      const namedTrees = draft
        .newTrees()
        .map((shape) => ({ tree: shape.tree, scope: shape.scope }));
      await this.#commit(tree, { ...draft.seal(), namedTrees });
    });
    draft.apply();
    return additions.flatMap(({ key }) => slots.get(key) ?? []);
  }

  /**
   * Destroys keys: when it returns, the old root is wiped in every store. Irreversible; what is
   * not there any more is passed over.
   */
  async remove(removals: readonly Removal[]): Promise<Shredded[]> {
    const tree = await this.#owner.tree();
    const names = removals.flatMap((removal) => ('names' in removal ? removal.names : []));
    const scopes = removals.flatMap((removal) => ('scope' in removal ? [removal.scope] : []));
    const cut = [...tree.shapes.values()].filter(({ scope }) => scopes.includes(scope));
    const places = names.map(({ tree: number, slot }) => leafOf(number, slot).place);
    const leaves = await this.#read(tree, places);
    const found = findKeys(leaves, names);
    if (found.length === 0 && cut.length === 0) {
      wipeAll(leaves);
      return removals.map((removal) => this.#outcome(tree, removal));
    }
    const touched = new Set(found.map(({ place }) => placeText(place)));
    for (const [text, leaf] of leaves) if (!touched.has(text)) leaf.entries.wipe();
    const retiredRoot = tree.root.tombstone;
    const adopted = new Map([...leaves].filter(([text]) => touched.has(text)));
    await this.#rotate(tree, adopted, (draft) => {
      for (const { place, entry } of found) draft.clearEntry(place, entry);
      for (const { place } of found) draft.rekey(place);
      for (const { tree: number } of cut) draft.cutTree(number);
    });
    for (const { name, tombstone } of found)
      this.#recent.remember(name.keyId, { key: tombstone, root: retiredRoot });
    return removals.map((removal) => this.#outcome(tree, removal, retiredRoot));
  }

  /** A new root for the same keys: after a store was added for a share of it. */
  async renewRoot(changes: RootChanges = {}): Promise<void> {
    const tree = await this.#owner.tree();
    const top = { tree: DIRECTORY, level: tree.directoryHeight - 1, index: 0 };
    await this.#rotate(tree, new Map(), (draft) => draft.rekey(top), changes);
  }

  /** Removes the trees that were cut, and records the epoch of the root: tidiness, not erasure. */
  async tidy(): Promise<void> {
    const tree = await this.#owner.tree();
    if (tree.cut.size > 0 || tree.root.epoch > this.#recordedEpoch) await this.#commit(tree, {});
  }

  /**
   * The protocol of an erasure. New nodes first: they are of no use without the next root. Then the
   * next root beside the current one: the commit point, from which a crash goes on. Then the
   * current one is overwritten: the erasure point.
   */
  async #rotate(
    tree: KeyTree,
    leaves: OpenLeaves,
    change: (draft: TreeDraft, rootKey: SecretBytes) => void,
    rootChanges: RootChanges = {},
  ): Promise<void> {
    const next = tree.root.draw(rootChanges);
    const draft = new TreeDraft(tree, next);
    await this.#attempt(draft, async () => {
      for (const leaf of leaves.values()) draft.adopt(leaf);
      change(draft, next.key);
      await this.#commit(tree, draft.seal());
      this.#owner.requireClaim();
      await tree.root.stage(next);
      this.#owner.requireClaim();
      await tree.root.forget();
    });
    draft.apply();
  }

  /** What fails on the way is undone in memory; the stores are read again before the next use. */
  async #attempt(draft: TreeDraft, work: () => Promise<void>): Promise<void> {
    try {
      await work();
    } catch (error) {
      draft.discard();
      this.#owner.distrust();
      throw error;
    }
  }

  /** Commits a change together with what earlier ones have left to do. */
  async #commit(tree: KeyTree, change: TreeChange): Promise<void> {
    const removedTrees = [...tree.cut];
    const { store, ownerId } = this.#owner;
    const { epoch: rootEpoch } = tree.root;
    const isDone = await store.commit({ ...change, removedTrees, rootEpoch }, ownerId);
    if (!isDone) throw new FencedError();
    this.#recordedEpoch = rootEpoch;
    for (const number of removedTrees) tree.cut.delete(number);
  }

  async #read(tree: KeyTree, places: readonly NodePlace[]): Promise<OpenLeaves> {
    if (places.length === 0) return new Map();
    return openLeaves(tree, places, await this.#owner.store.find(places));
  }

  /** `retiredRoot`: the one that this batch has retired, if any. */
  #outcome(tree: KeyTree, removal: Removal, retiredRoot?: string): Shredded {
    const { epoch, escrowedUntilMs } = tree.root;
    const names = 'names' in removal ? removal.names : [];
    const tombstones = this.#recent.of(names.map(({ keyId }) => keyId));
    const retired = tombstones.length > 0 ? tombstones.map(({ root }) => root) : [retiredRoot];
    return {
      roots: [{ rootId: this.#owner.rootId, epoch }],
      irrecoverableAtMs: escrowedUntilMs,
      retiredRoots: [...new Set(retired.filter((root) => root !== undefined))],
      destroyedKeys: tombstones.map(({ key }) => key),
    };
  }
}

interface FoundKey {
  readonly name: KeyName;
  readonly place: NodePlace;
  readonly entry: number;
  /** SHA-256("dc" ‖ key), base64url. */
  readonly tombstone: string;
}

/** Which of the keys still stand where their names say. */
function findKeys(leaves: OpenLeaves, names: readonly KeyName[]): FoundKey[] {
  return names.flatMap((name) => {
    const { place, entry } = leafOf(name.tree, name.slot);
    const entries = leaves.get(placeText(place))?.entries;
    if (entries === undefined || isEmpty(entries, entry)) return [];
    const key = entryOf(entries, entry);
    if (keyIdText(key) !== name.keyId) return [];
    return [{ name, place, entry, tombstone: key.use((bytes) => base64url(sha256('dc', bytes))) }];
  });
}

function wipeAll(leaves: OpenLeaves): void {
  for (const { entries } of leaves.values()) entries.wipe();
}
