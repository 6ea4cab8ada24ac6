import { SecretBytes } from '../../crypto/secret-bytes.js';
import type { NextRoot } from '../roots/erasable-root.js';
import { KEY_BYTES, NODE_PLAINTEXT_BYTES, type NodePlace, sealNode } from './key-node.js';
import {
  DIRECTORY,
  entryOf,
  type KeyTree,
  type OpenNode,
  type ParentEntry,
  placeText,
  type TreeShape,
  usedEntries,
} from './key-tree.js';
import type { NodeRow, TreeChange } from './tree-store.js';

type Version = Pick<OpenNode, 'side' | 'epoch' | 'revision'>;

interface DraftNode {
  readonly place: NodePlace;
  readonly entries: SecretBytes;
  /** What stands now; undefined for a node that is new. */
  readonly before: Version | undefined;
  /** The key that the node gets; undefined for one that keeps its key. */
  key: SecretBytes | undefined;
}

/**
 * A change of the tree while it is being made: copies of the nodes that it touches. Nothing of the
 * tree changes before {@link TreeDraft.apply}. Every way ends with `apply` or `discard`.
 *
 * Adding a key seals the node anew under the key that it has. Removing one gives every node on the
 * path a fresh random key, up to the root: what was sealed under the old keys stays closed once the
 * old root is forgotten, in every copy of it.
 */
export class TreeDraft {
  readonly #tree: KeyTree;
  readonly #next: NextRoot | undefined;
  readonly #nodes = new Map<string, DraftNode>();
  readonly #shapes = new Map<number, TreeShape>();
  readonly #cut: number[] = [];
  #directoryHeight: number;

  /** With the root that the change ends with, when it destroys something. */
  constructor(tree: KeyTree, next?: NextRoot) {
    this.#tree = tree;
    this.#next = next;
    this.#directoryHeight = tree.directoryHeight;
  }

  /** The trees as they will be; those that are not drafted anew are as they are. */
  shape(tree: number): TreeShape | undefined {
    return this.#shapes.get(tree) ?? this.#tree.shapes.get(tree);
  }

  treesOf(scope: string): TreeShape[] {
    const trees = new Map([...this.#tree.shapes, ...this.#shapes]);
    return [...trees.values()].filter((shape) => shape.scope === scope);
  }

  /** Trees that the draft made, for their names to be stored. */
  newTrees(): TreeShape[] {
    return [...this.#shapes.values()].filter(({ tree }) => !this.#tree.shapes.has(tree));
  }

  setShape(shape: TreeShape): void {
    this.#shapes.set(shape.tree, shape);
  }

  setDirectoryHeight(height: number): void {
    this.#directoryHeight = height;
  }

  parentOf(place: NodePlace): ParentEntry | undefined {
    const height =
      place.tree === DIRECTORY ? this.#directoryHeight : (this.shape(place.tree)?.height ?? 0);
    return this.#tree.parentOf(place, height);
  }

  has(place: NodePlace): boolean {
    return this.#nodes.has(placeText(place)) || this.#tree.upper(place) !== undefined;
  }

  /** A leaf that was read and opened becomes part of the draft, which wipes it in the end. */
  adopt(leaf: OpenNode): void {
    const { place, entries, ...before } = leaf;
    this.#nodes.set(placeText(place), { place, entries, before, key: undefined });
  }

  entries(place: NodePlace): SecretBytes {
    return this.#edit(place).entries;
  }

  setEntry(place: NodePlace, entry: number, key: SecretBytes): void {
    const target = entryOf(this.entries(place), entry);
    key.use((from) => {
      target.use((to) => {
        to.set(from);
      });
    });
  }

  clearEntry(place: NodePlace, entry: number): void {
    entryOf(this.entries(place), entry).use((bytes) => bytes.fill(0));
  }

  /** A new, empty node with a key of its own, which nobody knows of yet. */
  create(place: NodePlace, key = SecretBytes.random(KEY_BYTES)): SecretBytes {
    const entries = SecretBytes.own(new ArrayBuffer(NODE_PLAINTEXT_BYTES));
    this.#nodes.set(placeText(place), { place, entries, before: undefined, key });
    return key;
  }

  /** Gives the node and every one above it a fresh key, and the top of the directory the next root. */
  rekey(place: NodePlace): void {
    const node = this.#edit(place);
    if (node.key !== undefined) return;
    const parent = this.parentOf(place);
    if (parent === undefined) {
      if (this.#next === undefined) throw new Error('a draft without a next root removes nothing');
      node.key = this.#next.key;
      return;
    }
    node.key = SecretBytes.random(KEY_BYTES);
    this.setEntry(parent.place, parent.entry, node.key);
    this.rekey(parent.place);
  }

  /** Takes a tree out of the directory: whatever is in it loses the only way to its keys. */
  cutTree(tree: number): void {
    const shape = this.shape(tree);
    const parent = shape && this.parentOf({ tree, level: shape.height - 1, index: 0 });
    if (parent === undefined) throw new Error('there is no such tree to cut');
    this.#cut.push(tree);
    this.clearEntry(parent.place, parent.entry);
    this.rekey(parent.place);
  }

  /** The rows to be stored. */
  seal(): Required<Pick<TreeChange, 'written' | 'resealed'>> {
    const written: NodeRow[] = [];
    const resealed: NodeRow[] = [];
    for (const node of this.#nodes.values()) {
      if (node.key === undefined) resealed.push(this.#row(node, this.#tree.keyOf(node.place)));
      else written.push(this.#row(node, node.key));
    }
    return { written, resealed };
  }

  /** The tree is from now on as drafted. */
  apply(): void {
    this.#tree.directoryHeight = this.#directoryHeight;
    for (const shape of this.#shapes.values()) this.#tree.shapes.set(shape.tree, shape);
    for (const node of this.#nodes.values()) {
      const { place, entries } = node;
      if (place.level === 0 && place.tree !== DIRECTORY) {
        this.#tree.noteLeaf(place, usedEntries(entries));
        entries.wipe();
      } else {
        this.#tree.put({ place, entries, ...this.#version(node) });
      }
    }
    for (const tree of this.#cut) this.#tree.forgetTree(tree);
    this.#wipeKeys();
  }

  /** It failed, and the next root with it: what holds is read from the stores again. */
  discard(): void {
    for (const { entries } of this.#nodes.values()) entries.wipe();
    this.#wipeKeys();
    this.#next?.key.wipe();
    for (const slot of this.#next?.slots ?? []) slot.share.wipe();
  }

  get #epoch(): number {
    return this.#next?.epoch ?? this.#tree.root.epoch;
  }

  /** A copy of the node, made at its first use. */
  #edit(place: NodePlace): DraftNode {
    const known = this.#nodes.get(placeText(place));
    if (known !== undefined) return known;
    const current = this.#tree.upper(place);
    if (current === undefined) throw new Error(`the draft does not know node ${placeText(place)}`);
    const buffer = new ArrayBuffer(NODE_PLAINTEXT_BYTES);
    current.entries.use((bytes) => {
      new Uint8Array(buffer).set(bytes);
    });
    const { entries: _, place: __, ...before } = current;
    const entries = SecretBytes.own(buffer);
    const node = { place, entries, before, key: undefined };
    this.#nodes.set(placeText(place), node);
    return node;
  }

  #row(node: DraftNode, key: SecretBytes): NodeRow {
    const { place, entries } = node;
    const sealed = sealNode(key, { rootId: this.#tree.root.rootId, place, entries });
    return { ...place, ...this.#version(node), used: usedEntries(entries), sealed };
  }

  /** With a new key on the other side, with the same one where it stands. */
  #version({ before, key }: DraftNode): Version {
    if (before === undefined) return { side: 0, epoch: this.#epoch, revision: 0 };
    if (key === undefined) return { ...before, revision: before.revision + 1 };
    return { side: before.side === 0 ? 1 : 0, epoch: this.#epoch, revision: 0 };
  }

  /** The next root's own key is in use from now on. */
  #wipeKeys(): void {
    for (const { key } of this.#nodes.values()) if (key !== this.#next?.key) key?.wipe();
  }
}
