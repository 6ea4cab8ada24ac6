import type { SecretBytes } from '../../crypto/secret-bytes.js';
import { keyIdText } from '../key-name.js';
import { FAN_OUT, type NodePlace } from './key-node.js';
import { DIRECTORY, entryOf, isEmpty, type KeyTree, MAX_HEIGHT } from './key-tree.js';
import type { TreeDraft } from './tree-draft.js';

/** Leaves of a tree at most; a scope that needs more gets another tree. */
const MAX_LEAVES = FAN_OUT ** (MAX_HEIGHT - 1);

/** Where a key was put. */
export interface Slot {
  readonly tree: number;
  readonly slot: number;
  readonly keyId: string;
}

/** Leaves of a scope that have room for so many keys together; fewer when there are no more. */
export function leavesWithRoom(tree: KeyTree, scope: string, count: number): NodePlace[] {
  const places: NodePlace[] = [];
  let free = 0;
  for (const shape of tree.shapes.values()) {
    if (shape.scope !== scope) continue;
    for (const [index, used] of tree.room.get(shape.tree) ?? []) {
      if (free >= count) return places;
      places.push({ tree: shape.tree, level: 0, index });
      free += FAN_OUT - used;
    }
  }
  return places;
}

/** Whether the new trees for so many keys of each scope surely fit below the directory as it is. */
export function hasDirectoryRoom(
  tree: KeyTree,
  needs: readonly { scope: string; keyCount: number }[],
): boolean {
  const free = FAN_OUT ** tree.directoryHeight - tree.shapes.size - tree.cut.size;
  const newTrees = needs.reduce((sum, need) => sum + newTreesFor(tree, need), 0);
  return newTrees <= free;
}

/** Counts on new leaves alone: what is empty in the old ones would take long to count. */
function newTreesFor(tree: KeyTree, needs: { scope: string; keyCount: number }): number {
  let newLeaves = 0;
  for (const { scope, leafCount } of tree.shapes.values())
    if (scope === needs.scope) newLeaves += MAX_LEAVES - leafCount;
  return Math.max(0, Math.ceil((needs.keyCount / FAN_OUT - newLeaves) / MAX_LEAVES));
}

/** One more level for the directory. The old top gets a fresh key, so that the old root opens nothing. */
export function growDirectory(tree: KeyTree, draft: TreeDraft, rootKey: SecretBytes): void {
  const level = tree.directoryHeight;
  draft.setDirectoryHeight(level + 1);
  draft.create({ tree: DIRECTORY, level, index: 0 }, rootKey);
  draft.rekey({ tree: DIRECTORY, level: level - 1, index: 0 });
}

/** Puts keys of one scope into empty entries of the leaves that the draft adopted, then into new leaves. */
export function addKeys(
  tree: KeyTree,
  draft: TreeDraft,
  to: { scope: string; leaves: readonly NodePlace[]; keys: readonly SecretBytes[] },
): (readonly [SecretBytes, Slot])[] {
  const empty = to.leaves.flatMap((leaf) => emptyEntries(draft, leaf));
  return to.keys.map((key) => {
    if (empty.length === 0) empty.push(...emptyEntries(draft, addLeaf(tree, draft, to.scope)));
    const { leaf, entry } = empty.shift() ?? { leaf: undefined, entry: 0 };
    if (leaf === undefined) throw new Error('a new leaf has no room');
    draft.setEntry(leaf, entry, key);
    const slot = leaf.index * FAN_OUT + entry;
    return [key, { tree: leaf.tree, slot, keyId: keyIdText(key) }];
  });
}

function emptyEntries(draft: TreeDraft, leaf: NodePlace): { leaf: NodePlace; entry: number }[] {
  const entries = draft.entries(leaf);
  return Array.from({ length: FAN_OUT }, (_, entry) => entry)
    .filter((entry) => isEmpty(entries, entry))
    .map((entry) => ({ leaf, entry }));
}

/** A new leaf at the end of the last tree of the scope, which grows by a new top when it is full. */
function addLeaf(tree: KeyTree, draft: TreeDraft, scope: string): NodePlace {
  const shape = draft.treesOf(scope).find(({ leafCount }) => leafCount < MAX_LEAVES) ?? {
    tree: freeTree(tree, draft),
    scope,
    height: 1,
    leafCount: 0,
  };
  const isFull = shape.leafCount > 0 && shape.leafCount === FAN_OUT ** (shape.height - 1);
  const height = isFull ? shape.height + 1 : shape.height;
  if (isFull) addTop(draft, shape.tree, height);
  draft.setShape({ ...shape, height, leafCount: shape.leafCount + 1 });
  const leaf = { tree: shape.tree, level: 0, index: shape.leafCount };
  addNode(draft, leaf);
  return leaf;
}

/** The old top becomes the first child of a new one; its key stays as it is, for nothing is removed. */
function addTop(draft: TreeDraft, tree: number, height: number): void {
  const parent = draft.parentOf({ tree, level: height - 2, index: 0 });
  if (parent === undefined) throw new Error('the directory grows otherwise');
  const oldTopKey = entryOf(draft.entries(parent.place), parent.entry);
  const top = { tree, level: height - 1, index: 0 };
  const key = draft.create(top);
  draft.setEntry(top, 0, oldTopKey);
  draft.setEntry(parent.place, parent.entry, key);
}

function addNode(draft: TreeDraft, place: NodePlace): void {
  const key = draft.create(place);
  const parent = draft.parentOf(place);
  if (parent === undefined) throw new Error('the directory has a top already');
  if (!draft.has(parent.place)) addNode(draft, parent.place);
  draft.setEntry(parent.place, parent.entry, key);
}

function freeTree(tree: KeyTree, draft: TreeDraft): number {
  let free = 1;
  while (draft.shape(free) !== undefined || tree.cut.has(free)) free += 1;
  return free;
}
