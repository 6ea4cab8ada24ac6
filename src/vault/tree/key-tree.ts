import { SealBroken } from '../../crypto/seal.js';
import type { SecretBytes } from '../../crypto/secret-bytes.js';
import type { ErasableRoot } from '../roots/erasable-root.js';
import { VaultError } from '../vault-error.js';
import { FAN_OUT, KEY_BYTES, NODE_PLAINTEXT_BYTES, type NodePlace, openNode } from './key-node.js';
import type { NodeRow } from './tree-store.js';

/** Tree 0 holds the keys of the other trees: that of tree n in its slot n - 1. */
export const DIRECTORY = 0;
/** Levels of a tree at most: 64 × 64 × 64 keys. */
export const MAX_HEIGHT = 3;

/** A node whose keys are in memory. */
export interface OpenNode {
  readonly place: NodePlace;
  readonly side: 0 | 1;
  readonly epoch: number;
  readonly revision: number;
  readonly entries: SecretBytes;
}

/** A tree below the directory. */
export interface TreeShape {
  readonly tree: number;
  readonly scope: string;
  /** Levels; the top node is at level `height - 1`. */
  readonly height: number;
  readonly leafCount: number;
}

/** The entry of a node in which the key of another one stands. */
export interface ParentEntry {
  readonly place: NodePlace;
  readonly entry: number;
}

/**
 * What the owner of a root holds in memory: every node above the leaves, opened, and the shapes of
 * the trees. Half a byte of key for each enrolment; leaves are read when they are needed.
 */
export class KeyTree {
  readonly root: ErasableRoot;
  readonly shapes = new Map<number, TreeShape>();
  /** Leaves with empty entries: tree, then index of the leaf, then how many entries are used. */
  readonly room = new Map<number, Map<number, number>>();
  /** Trees whose keys are destroyed, while their nodes are still to be removed. */
  readonly cut = new Set<number>();
  directoryHeight: number;
  readonly #upper = new Map<string, OpenNode>();

  constructor(root: ErasableRoot, directoryHeight: number) {
    this.root = root;
    this.directoryHeight = directoryHeight;
  }

  heightOf(tree: number): number {
    return tree === DIRECTORY ? this.directoryHeight : (this.shapes.get(tree)?.height ?? 0);
  }

  /** Undefined for nodes that are not there, and for leaves. */
  upper(place: NodePlace): OpenNode | undefined {
    return this.#upper.get(placeText(place));
  }

  /** Bytes of the keys that are held in memory. */
  get heldBytes(): number {
    return this.#upper.size * NODE_PLAINTEXT_BYTES;
  }

  /** Notes how many entries of a leaf are used. */
  noteLeaf({ tree, index }: NodePlace, used: number): void {
    const room = this.room.get(tree) ?? new Map<number, number>();
    if (used < FAN_OUT) room.set(index, used);
    else room.delete(index);
    this.room.set(tree, room);
  }

  /** Takes the place of an earlier version, which is wiped. */
  put(node: OpenNode): void {
    const text = placeText(node.place);
    this.#upper.get(text)?.entries.wipe();
    this.#upper.set(text, node);
  }

  /** Forgets a tree and wipes what was known of it. */
  forgetTree(tree: number): void {
    this.shapes.delete(tree);
    this.room.delete(tree);
    this.cut.add(tree);
    for (const [text, node] of this.#upper) {
      if (node.place.tree !== tree) continue;
      node.entries.wipe();
      this.#upper.delete(text);
    }
  }

  /** Wipes everything, the root too. */
  drop(): void {
    for (const node of this.#upper.values()) node.entries.wipe();
    this.#upper.clear();
    this.shapes.clear();
    this.root.drop();
  }

  /** Where the key of a node stands; undefined for the top of the directory, whose key is the root. */
  parentOf(place: NodePlace, height = this.heightOf(place.tree)): ParentEntry | undefined {
    const isTop = place.level === height - 1;
    if (isTop && place.tree === DIRECTORY) return undefined;
    const [tree, level, at] = isTop
      ? [DIRECTORY, 0, place.tree - 1]
      : [place.tree, place.level + 1, place.index];
    return {
      place: { tree, level, index: Math.floor(at / FAN_OUT) },
      entry: at % FAN_OUT,
    };
  }

  /** The key of a node, lent; throws {@link VaultError} when the tree does not have the node. */
  keyOf(place: NodePlace): SecretBytes {
    const parent = this.parentOf(place);
    if (parent === undefined) return this.root.key;
    const node = this.upper(parent.place);
    if (node === undefined || isEmpty(node.entries, parent.entry)) throw damaged(place);
    return entryOf(node.entries, parent.entry);
  }

  /**
   * Opens the version of a node that its key opens. The caller wipes the entries. Throws
   * {@link VaultError} when none does.
   */
  openVersion(place: NodePlace, versions: readonly NodeRow[]): OpenNode {
    const key = this.keyOf(place);
    for (const row of versions) {
      if (!isAt(row, place)) continue;
      try {
        const { side, epoch, revision } = row;
        return { place, side, epoch, revision, entries: openNode(key, row.sealed) };
      } catch (error) {
        if (!(error instanceof SealBroken)) throw error;
      }
    }
    throw damaged(place);
  }
}

/** One key of a node, lent. */
export function entryOf(entries: SecretBytes, entry: number): SecretBytes {
  return entries.part(entry * KEY_BYTES, KEY_BYTES);
}

export function isEmpty(entries: SecretBytes, entry: number): boolean {
  return entries.use((bytes) => isEmptyAt(bytes, entry));
}

/** How many entries hold a key. */
export function usedEntries(entries: SecretBytes): number {
  return entries.use((bytes) => {
    let used = 0;
    for (let entry = 0; entry < FAN_OUT; entry += 1) if (!isEmptyAt(bytes, entry)) used += 1;
    return used;
  });
}

function isEmptyAt(bytes: Uint8Array, entry: number): boolean {
  const end = (entry + 1) * KEY_BYTES;
  for (let at = entry * KEY_BYTES; at < end; at += 1) if (bytes[at] !== 0) return false;
  return true;
}

/** The leaf that a slot is in, and its entry there. */
export function leafOf(tree: number, slot: number): ParentEntry {
  return {
    place: { tree, level: 0, index: Math.floor(slot / FAN_OUT) },
    entry: slot % FAN_OUT,
  };
}

export function placeText({ tree, level, index }: NodePlace): string {
  return `${tree.toString()}/${level.toString()}/${index.toString()}`;
}

function isAt(row: NodePlace, place: NodePlace): boolean {
  return row.tree === place.tree && row.level === place.level && row.index === place.index;
}

function damaged(place: NodePlace): VaultError {
  return new VaultError(
    `the key tree in the database lacks node ${placeText(place)}, or holds a damaged or older one: ` +
      'put back the newest copy of the key tree (lethe restore-check tells more)',
  );
}

/** The versions of each place, by {@link placeText}. */
export function groupByPlace(rows: readonly NodeRow[]): Map<string, NodeRow[]> {
  const byPlace = new Map<string, NodeRow[]>();
  for (const row of rows) {
    const text = placeText(row);
    const versions = byPlace.get(text);
    if (versions === undefined) byPlace.set(text, [row]);
    else versions.push(row);
  }
  return byPlace;
}
