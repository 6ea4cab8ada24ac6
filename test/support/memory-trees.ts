import { placeText } from '../../src/vault/tree/key-tree.js';
import type {
  Claimant,
  NodeRow,
  TreeChange,
  TreeName,
  TreeStore,
  TreeStores,
} from '../../src/vault/tree/tree-store.js';

const sideText = (row: NodeRow) => `${placeText(row)}@${String(row.side)}`;

/** A tree store in memory that also keeps, as backups do, every node that it was ever given. */
export class MemoryTrees implements TreeStores {
  readonly everSealed: Uint8Array[] = [];
  readonly changes: TreeChange[] = [];
  nodes = new Map<string, NodeRow>();
  trees = new Map<number, TreeName>();
  owner: Claimant | undefined;
  epoch = 0;
  /** Called before and after every commit takes effect; what it throws, the commit throws. */
  onCommit: (when: 'before' | 'after', change: TreeChange) => void = () => undefined;
  readonly isExclusive: boolean;
  #rootId: string | undefined;

  constructor(options: { isExclusive?: boolean } = {}) {
    this.isExclusive = options.isExclusive ?? true;
  }

  async rootIds(): Promise<readonly string[]> {
    return this.#rootId === undefined ? [] : [this.#rootId];
  }

  of(rootId: string): TreeStore {
    const isOwner = (ownerId: string) => this.owner?.ownerId === ownerId;
    return {
      isExclusive: this.isExclusive,
      claim: async (ownerId, dead) => {
        this.#rootId = rootId;
        const held = this.owner;
        const isFree =
          this.isExclusive ||
          held === undefined ||
          isOwner(ownerId) ||
          (dead?.ownerId === held.ownerId && dead.beat === held.beat);
        if (isFree) this.owner = { ownerId, beat: (held?.beat ?? 0) + 1 };
        return this.owner!;
      },
      release: async (ownerId) => {
        if (isOwner(ownerId)) this.owner = undefined;
      },
      find: async (places) => {
        const wanted = new Set(places.map(placeText));
        return [...this.nodes.values()].filter((row) => wanted.has(placeText(row)));
      },
      upperNodes: async () =>
        [...this.nodes.values()].filter(({ tree, level }) => tree === 0 || level > 0),
      leavesWithRoom: async () =>
        [...this.nodes.values()].filter(
          (row) => row.tree > 0 && row.level === 0 && row.used < 64 && this.#isLatest(row),
        ),
      trees: async () => [...this.trees.values()],
      rootEpoch: async () => this.epoch,
      commit: async (change, ownerId) => {
        if (!isOwner(ownerId)) return false;
        this.onCommit('before', change);
        this.changes.push(change);
        this.#apply(change);
        this.onCommit('after', change);
        return true;
      },
      removeUncommitted: async (epoch, ownerId) => {
        if (!isOwner(ownerId)) return false;
        for (const [text, row] of this.nodes) if (row.epoch > epoch) this.nodes.delete(text);
        return true;
      },
    };
  }

  /** What a backup taken now holds. */
  backup(): { nodes: Map<string, NodeRow>; trees: Map<number, TreeName> } {
    return { nodes: new Map(this.nodes), trees: new Map(this.trees) };
  }

  restore(backup: { nodes: Map<string, NodeRow>; trees: Map<number, TreeName> }): void {
    this.nodes = new Map(backup.nodes);
    this.trees = new Map(backup.trees);
  }

  #apply(change: TreeChange): void {
    this.epoch = Math.max(this.epoch, change.rootEpoch ?? 0);
    for (const tree of change.removedTrees ?? []) this.#removeTree(tree);
    for (const row of change.written ?? []) this.#write(row);
    for (const row of change.resealed ?? []) this.#reseal(row);
    for (const name of change.namedTrees ?? []) this.trees.set(name.tree, name);
  }

  #isLatest(row: NodeRow): boolean {
    return ![...this.nodes.values()].some(
      (other) => placeText(other) === placeText(row) && other.epoch > row.epoch,
    );
  }

  #write(row: NodeRow): void {
    const standing = this.nodes.get(sideText(row));
    if (standing !== undefined && standing.epoch >= row.epoch)
      throw new Error(`node ${sideText(row)} is of a later epoch`);
    this.#put(row);
  }

  #reseal(row: NodeRow): void {
    if (this.nodes.get(sideText(row))?.revision !== row.revision - 1)
      throw new Error(`node ${sideText(row)} was changed by somebody else`);
    this.#put(row);
  }

  #removeTree(tree: number): void {
    this.trees.delete(tree);
    for (const [text, row] of this.nodes) if (row.tree === tree) this.nodes.delete(text);
  }

  #put(row: NodeRow): void {
    this.nodes.set(sideText(row), row);
    this.everSealed.push(row.sealed);
  }
}
