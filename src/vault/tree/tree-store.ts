import type { NodePlace } from './key-node.js';

/**
 * A sealed node as it is kept. A place has two sides: a node that gets a new key is written to the
 * side that is not in use, so that the version before stays until the new root is committed.
 */
export interface NodeRow extends NodePlace {
  readonly side: 0 | 1;
  /** Epoch of the root under which the node got its key. */
  readonly epoch: number;
  /** Counts how often the node was sealed under that key. */
  readonly revision: number;
  /** Entries that are not empty, 0 to 64: tells where there is room without opening the node. */
  readonly used: number;
  readonly sealed: Uint8Array;
}

/** What a tree is for: `tenant/…` or `bucket/…`. */
export interface TreeName {
  readonly tree: number;
  readonly scope: string;
}

/** What takes effect together, or not at all. */
export interface TreeChange {
  /** Nodes with a new key: each takes the place of an earlier epoch on its side, or an empty one. */
  readonly written?: readonly NodeRow[];
  /** Nodes that were sealed anew under their key: the revision before this one must stand. */
  readonly resealed?: readonly NodeRow[];
  readonly namedTrees?: readonly TreeName[];
  /** Trees whose key was destroyed: their names and all of their nodes. */
  readonly removedTrees?: readonly number[];
  /** Epoch that the root has for certain, as {@link TreeStore.rootEpoch} tells later; only rises. */
  readonly rootEpoch?: number;
}

/** A process that owns a root, and how often it has said so: while it lives, the beat goes on. */
export interface Claimant {
  readonly ownerId: string;
  readonly beat: number;
}

/** Thrown to the process that owned a root until another one took it over. */
export class FencedError extends Error {
  override readonly name = 'FencedError';
  constructor(
    message = 'another process has taken over the root of this one, which must be stopped',
  ) {
    super(message);
  }
}

/**
 * Where the sealed nodes of one root are kept. Nothing here is secret, and whoever changes it can
 * destroy, but neither read nor bring back. Writes need the claim: for a process that lost it they
 * return false and change nothing.
 */
export interface TreeStore {
  /** Whether nobody but this process can claim the root, because the database is its own. */
  readonly isExclusive: boolean;
  /**
   * Claims the root for a process, or renews its claim. Returns the claimant that holds it, which is
   * another one unless that one gave it up, or is `dead`: seen before and without a beat since.
   */
  claim(ownerId: string, dead?: Claimant): Promise<Claimant>;
  /** Gives it up; repeatable. */
  release(ownerId: string): Promise<void>;
  /** Both sides of these places, in any order. */
  find(places: readonly NodePlace[]): Promise<readonly NodeRow[]>;
  /** Every node above level 0, and the whole directory: in any order. */
  upperNodes(): Promise<readonly NodeRow[]>;
  /** Leaves of trees that have an empty entry, as they are at their latest epoch. */
  leavesWithRoom(): Promise<readonly (NodePlace & Pick<NodeRow, 'used'>)[]>;
  trees(): Promise<readonly TreeName[]>;
  /** The highest epoch that the root is known to have had: an older root was put back from a copy. */
  rootEpoch(): Promise<number>;
  /** Makes the change durable. Throws UNAVAILABLE when it cannot say that it did. */
  commit(change: TreeChange, ownerId: string): Promise<boolean>;
  /** Removes the nodes of a later epoch than this one: they were never committed. */
  removeUncommitted(epoch: number, ownerId: string): Promise<boolean>;
}

/** The trees of a database, by root. */
export interface TreeStores {
  /** The roots that were ever claimed here. */
  rootIds(): Promise<readonly string[]>;
  of(rootId: string): TreeStore;
}
