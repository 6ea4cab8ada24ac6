import type { SecretBytes } from '../../crypto/secret-bytes.js';
import { VaultError } from '../vault-error.js';
import { type NodePlace, peekEntry } from './key-node.js';
import {
  entryOf,
  groupByPlace,
  isEmpty,
  type KeyTree,
  leafOf,
  type OpenNode,
  placeText,
} from './key-tree.js';
import type { TreeOwner } from './tree-owner.js';
import type { NodeRow } from './tree-store.js';

/** How often a read begins anew because an erasure went on meanwhile. */
const ATTEMPTS = 5;

/** Opened leaves by {@link placeText}. */
export type OpenLeaves = ReadonlyMap<string, OpenNode>;

/** Leaves as they were read, lent for one piece of work. */
export class Leaves {
  readonly #tree: KeyTree;
  readonly #rows: ReadonlyMap<string, readonly NodeRow[]>;
  readonly #opened = new Map<string, SecretBytes>();
  readonly #peeked: SecretBytes[] = [];

  constructor(tree: KeyTree, rows: readonly NodeRow[]) {
    this.#tree = tree;
    this.#rows = groupByPlace(rows);
  }

  /**
   * What seems to stand in a slot, by the node of the latest epoch and without checking its seal.
   * Right is what the key itself proves; for anything else ask {@link Leaves.key}.
   */
  peek(tree: number, slot: number): SecretBytes | undefined {
    const { place, entry } = leafOf(tree, slot);
    const [first, second] = this.#rows.get(placeText(place)) ?? [];
    const latest = second !== undefined && second.epoch > (first?.epoch ?? 0) ? second : first;
    if (latest === undefined || !this.#has(place)) return undefined;
    const key = peekEntry(this.#tree.keyOf(place), latest.sealed, entry);
    if (key !== undefined) this.#peeked.push(key);
    return key;
  }

  /** The key in a slot; undefined for an empty one. Throws VaultError when the leaf does not open. */
  key(tree: number, slot: number): SecretBytes | undefined {
    const { place, entry } = leafOf(tree, slot);
    if (!this.#has(place)) return undefined;
    const entries = this.#entries(place);
    return isEmpty(entries, entry) ? undefined : entryOf(entries, entry);
  }

  wipe(): void {
    for (const secret of [...this.#opened.values(), ...this.#peeked]) secret.wipe();
  }

  #entries(place: NodePlace): SecretBytes {
    const text = placeText(place);
    const known = this.#opened.get(text);
    if (known !== undefined) return known;
    const { entries } = this.#tree.openVersion(place, this.#rows.get(text) ?? []);
    this.#opened.set(text, entries);
    return entries;
  }

  #has({ tree, index }: NodePlace): boolean {
    return index < (this.#tree.shapes.get(tree)?.leafCount ?? 0);
  }
}

/**
 * Reads the leaves of these slots and lends them to the work, which returns before anything else can
 * happen: so no key of an erased enrolment is in use when the erasure is answered.
 */
export async function withLeaves<T>(
  owner: TreeOwner,
  slots: readonly { readonly tree: number; readonly slot: number }[],
  work: (leaves: Leaves) => T,
): Promise<T> {
  const places = slots.map(({ tree, slot }) => leafOf(tree, slot).place);
  for (let attempt = 1; ; attempt += 1) {
    const tree = await owner.treeToRead();
    const rows = await owner.store.find(places);
    // A tree that was dropped meanwhile knows no leaf: that tells nothing about the keys.
    if (!owner.isCurrent(tree)) continue;
    const leaves = new Leaves(tree, rows);
    try {
      return work(leaves);
    } catch (error) {
      if (attempt >= ATTEMPTS || !(error instanceof VaultError)) throw error;
    } finally {
      leaves.wipe();
    }
  }
}

/** Opens what of these leaves the tree has; the caller wipes them. */
export function openLeaves(
  tree: KeyTree,
  places: readonly NodePlace[],
  rows: readonly NodeRow[],
): OpenLeaves {
  const byPlace = groupByPlace(rows);
  const leaves = new Map<string, OpenNode>();
  try {
    for (const place of places) {
      const text = placeText(place);
      const { leafCount = 0 } = tree.shapes.get(place.tree) ?? {};
      if (place.index >= leafCount || leaves.has(text)) continue;
      leaves.set(text, tree.openVersion(place, byPlace.get(text) ?? []));
    }
    return leaves;
  } catch (error) {
    for (const { entries } of leaves.values()) entries.wipe();
    throw error;
  }
}
