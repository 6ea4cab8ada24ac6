import { SecretBytes } from '../../crypto/secret-bytes.js';
import { base64url } from '../../lib/bytes.js';
import { keyIdOf } from '../key-name.js';
import type { ErasableRoot } from '../roots/erasable-root.js';
import { VaultError } from '../vault-error.js';
import { FAN_OUT, NODE_PLAINTEXT_BYTES, type NodePlace, parseNode, sealNode } from './key-node.js';
import { DIRECTORY, groupByPlace, isEmpty, KeyTree, type OpenNode, placeText } from './key-tree.js';
import { FencedError, type NodeRow, type TreeName, type TreeStore } from './tree-store.js';

interface Deps {
  readonly root: ErasableRoot;
  readonly store: TreeStore;
  readonly ownerId: string;
}

/**
 * Opens the tree from its root down to the level above the leaves. What a crash left in the store
 * is removed first. Throws {@link VaultError} when root and tree do not fit together: a tree that is
 * older than its root opens nothing, and is refused before anything is changed.
 */
export async function loadTree(deps: Deps): Promise<KeyTree> {
  const { root, store, ownerId } = deps;
  const knownEpoch = await store.rootEpoch();
  if (knownEpoch > root.epoch) throw new VaultError(misfit(root.epoch, knownEpoch));
  const [upper, names] = await Promise.all([store.upperNodes(), store.trees()]);
  const top = upper.find((row) => isTopOf(root, row)) ?? (await createTop(deps, { upper, names }));
  if (!(await store.removeUncommitted(root.epoch, ownerId))) throw new FencedError();
  const tree = new KeyTree(root, top.level + 1);
  const rows = groupByPlace([...upper, top]);
  try {
    openBelow(tree, rows, top);
    const left = openTrees(tree, rows, names);
    for (const leaf of await store.leavesWithRoom()) {
      const shape = tree.shapes.get(leaf.tree);
      if (shape !== undefined && leaf.index < shape.leafCount) tree.noteLeaf(leaf, leaf.used);
    }
    if (left.length > 0) await store.commit({ removedTrees: left }, ownerId);
    return tree;
  } catch (error) {
    tree.drop();
    throw error;
  }
}

function isTopOf(root: ErasableRoot, row: NodeRow): boolean {
  if (row.tree !== DIRECTORY || row.index !== 0) return false;
  const header = parseNode(row.sealed);
  return header !== undefined && base64url(header.keyId) === base64url(keyIdOf(root.key));
}

/**
 * The first node of a tree in which nothing was ever kept. Whatever else lacks its top was put back
 * from a copy, or its root was.
 */
async function createTop(
  { root, store, ownerId }: Deps,
  found: { upper: readonly NodeRow[]; names: readonly TreeName[] },
): Promise<NodeRow> {
  const epochs = found.upper.filter((row) => row.tree === DIRECTORY).map((row) => row.epoch);
  const newest = epochs.reduce((highest, epoch) => Math.max(highest, epoch), 0);
  const isNew = found.names.length === 0 && newest <= root.epoch && root.isFirst;
  if (!isNew) throw new VaultError(misfit(root.epoch, newest));
  const place = { tree: DIRECTORY, level: 0, index: 0 };
  const entries = SecretBytes.own(new ArrayBuffer(NODE_PLAINTEXT_BYTES));
  const sealed = sealNode(root.key, { rootId: root.rootId, place, entries });
  const row = { ...place, side: 0, epoch: root.epoch, revision: 0, used: 0, sealed } as const;
  await store.commit({ written: [row] }, ownerId);
  return row;
}

function misfit(rootEpoch: number, treeEpoch: number): string {
  const epochs = `(root: epoch ${rootEpoch.toString()}, tree: epoch ${treeEpoch.toString()})`;
  if (treeEpoch === 0)
    return `the database holds no key tree for this root ${epochs}: put back the newest copy of the key tree; without it no template opens and people have to enrol again`;
  if (treeEpoch > rootEpoch)
    return `the root is older than the key tree ${epochs}: the root store was put back from a copy, which must not exist; put back the newest root`;
  return `the key tree is older than the root ${epochs}: it was put back from a backup, whose keys are forgotten; put back the newest copy of the key tree, which may be of any time after the last erasure`;
}

type RowsByPlace = ReadonlyMap<string, readonly NodeRow[]>;

/** Opens a node and those below it, except the leaves of trees. Returns the last one of level 1. */
function openBelow(tree: KeyTree, rows: RowsByPlace, place: NodePlace): OpenNode {
  const node = tree.openVersion(place, rows.get(placeText(place)) ?? []);
  tree.put(node);
  const lowest = place.tree === DIRECTORY ? 0 : 1;
  for (let entry = 0; entry < FAN_OUT && place.level > lowest; entry += 1) {
    if (isEmpty(node.entries, entry)) continue;
    const { level, index } = place;
    openBelow(tree, rows, { tree: place.tree, level: level - 1, index: index * FAN_OUT + entry });
  }
  return node;
}

/** Opens the trees that the directory knows. Returns those that it knows no more. */
function openTrees(tree: KeyTree, rows: RowsByPlace, names: readonly TreeName[]): number[] {
  const left: number[] = [];
  for (const { tree: number, scope } of names) {
    if (!isInDirectory(tree, number)) {
      left.push(number);
      continue;
    }
    const height = heightOf(rows, number);
    tree.shapes.set(number, { tree: number, scope, height, leafCount: 1 });
    if (height === 1) continue;
    openBelow(tree, rows, { tree: number, level: height - 1, index: 0 });
    const leafCount = countLeaves(tree, number, height);
    tree.shapes.set(number, { tree: number, scope, height, leafCount });
  }
  return left;
}

function isInDirectory(tree: KeyTree, number: number): boolean {
  const index = Math.floor((number - 1) / FAN_OUT);
  const leaf = tree.upper({ tree: DIRECTORY, level: 0, index });
  return leaf !== undefined && !isEmpty(leaf.entries, (number - 1) % FAN_OUT);
}

/** A tree of one level has no node above its leaf. */
function heightOf(rows: RowsByPlace, tree: number): number {
  let height = 1;
  while (rows.get(placeText({ tree, level: height, index: 0 })) !== undefined) height += 1;
  return height;
}

/** Leaves are added in order and never taken away. */
function countLeaves(tree: KeyTree, number: number, height: number): number {
  let index = 0;
  for (let level = height - 1; level >= 1; level -= 1) {
    const node = tree.upper({ tree: number, level, index });
    let entry = FAN_OUT - 1;
    while (entry > 0 && (node === undefined || isEmpty(node.entries, entry))) entry -= 1;
    index = index * FAN_OUT + entry;
  }
  return index + 1;
}
