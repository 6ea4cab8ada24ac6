import { ErasableRoot } from '../roots/erasable-root.js';
import { type RootStore, RootStoreError } from '../roots/root-store.js';
import { VaultError } from '../vault-error.js';
import type { KeyTree } from './key-tree.js';
import { Ownership } from './ownership.js';
import { loadTree } from './tree-loader.js';
import type { FencedError, TreeStore, TreeStores } from './tree-store.js';

interface Deps {
  /** Stores of the shares of the root, in their order. */
  readonly rootStores: readonly RootStore[];
  readonly trees: TreeStores;
  /** Makes a root of its own even when the database holds the tree of another one. */
  readonly mayAddRoot?: boolean;
}

/** The process that owns a root: its claim, the root, and the tree in memory. */
export class TreeOwner {
  readonly rootId: string;
  readonly store: TreeStore;
  readonly #rootStores: readonly RootStore[];
  readonly #ownership: Ownership;
  #isClosed = false;
  #tree: KeyTree | undefined;
  /** Whether the tree in memory is what the stores hold. */
  #isTrusted = false;
  #loading: Promise<KeyTree> | undefined;

  private constructor(parts: {
    rootId: string;
    store: TreeStore;
    rootStores: readonly RootStore[];
    ownership: Ownership;
  }) {
    this.rootId = parts.rootId;
    this.store = parts.store;
    this.#rootStores = parts.rootStores;
    this.#ownership = parts.ownership;
  }

  /**
   * Claims the root, or makes one for a database that has none, and opens its tree. Throws
   * {@link RootStoreError} or {@link VaultError} with one sentence when that cannot be.
   */
  static async open(deps: Deps, onFenced: (error: FencedError) => void): Promise<TreeOwner> {
    const { rootStores, trees } = deps;
    const rootId = await rootIdOf(deps);
    const store = trees.of(rootId);
    const ownership = await Ownership.claim(store);
    const owner = new TreeOwner({ rootId, store, rootStores, ownership });
    ownership.start(onFenced);
    try {
      await owner.tree();
      return owner;
    } catch (error) {
      await ownership.release().catch(() => undefined);
      throw error;
    }
  }

  get ownerId(): string {
    return this.#ownership.ownerId;
  }

  /** The tree as it is. After a failure it is read again; throws what stands in the way of that. */
  async tree(): Promise<KeyTree> {
    this.requireClaim();
    if (this.#tree !== undefined && this.#isTrusted) return this.#tree;
    this.#loading ??= this.#load().finally(() => {
      this.#loading = undefined;
    });
    return await this.#loading;
  }

  /**
   * The tree for reading. While a store of the root cannot be reached after a failed change, it is the
   * one of before that change, which nobody was told had happened.
   */
  async treeToRead(): Promise<KeyTree> {
    this.requireClaim();
    return this.#tree ?? (await this.tree());
  }

  /** Throws unless this process still owns the root: another one may use the root stores already. */
  requireClaim(): void {
    if (this.#isClosed) throw new VaultError('the vault is closed; start Lethe again to use it');
    this.#ownership.require();
  }

  /** Whether this is still the tree that is in use. */
  isCurrent(tree: KeyTree): boolean {
    return this.#tree === tree;
  }

  /** After a failed change only the stores know what holds: they are read before the next one. */
  distrust(): void {
    this.#isTrusted = false;
  }

  /** Wipes what is in memory and lets another process own the root. */
  async close(): Promise<void> {
    this.#isClosed = true;
    await this.#loading?.catch(() => undefined);
    this.#dropTree();
    await this.#ownership.release();
  }

  /** Finishes what a crash left: a root that was staged everywhere stays, any other is wiped. */
  async #load(): Promise<KeyTree> {
    const root = await ErasableRoot.open(this.#rootStores);
    if (root?.rootId !== this.rootId) {
      root?.drop();
      throw new RootStoreError(`${this.#names} does not hold the root any more; put it back`);
    }
    try {
      await root.forget();
      this.#dropTree();
      this.#tree = await loadTree({ root, store: this.store, ownerId: this.ownerId });
      this.#isTrusted = true;
      return this.#tree;
    } catch (error) {
      root.drop();
      throw error;
    }
  }

  #dropTree(): void {
    this.#tree?.drop();
    this.#tree = undefined;
  }

  get #names(): string {
    return this.#rootStores.map(({ name }) => name).join(', ');
  }
}

async function rootIdOf({ rootStores, trees, mayAddRoot = false }: Deps): Promise<string> {
  const known = await trees.rootIds();
  const begun = await ErasableRoot.begun(rootStores);
  const isBegun = begun !== undefined && !known.includes(begun);
  const root = (isBegun ? undefined : await ErasableRoot.open(rootStores)) ?? (await createRoot());
  root.drop();
  return root.rootId;

  async function createRoot(): Promise<ErasableRoot> {
    if (!mayAddRoot && known.length > 0) {
      const names = rootStores.map(({ name }) => name).join(', ');
      throw new RootStoreError(
        `${names} is missing, but the database holds keys that only this root opens; put it back, or name the key service that has it in VAULT_URL`,
      );
    }
    return await ErasableRoot.create(rootStores);
  }
}
