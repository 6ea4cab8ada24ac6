import type { SecretBytes } from '../../src/crypto/secret-bytes.js';
import { keyIdText, parseKeyName } from '../../src/vault/key-name.js';
import { createKeyTreeVault, type KeyTreeVault } from '../../src/vault/key-tree-vault.js';
import { rootKeyOf } from '../../src/vault/roots/root-key.js';
import type { RootStore } from '../../src/vault/roots/root-store.js';
import { FAN_OUT, KEY_BYTES, openNode, parseNode } from '../../src/vault/tree/key-node.js';
import { DIRECTORY, type KeyTree, leafOf, placeText } from '../../src/vault/tree/key-tree.js';
import { TreeOwner } from '../../src/vault/tree/tree-owner.js';
import type { FencedError, NodeRow, TreeStores } from '../../src/vault/tree/tree-store.js';
import type { KeyScope, SealedTemplate } from '../../src/vault/vault.js';
import { MemoryRoot } from '../support/memory-root.js';
import { MemoryTrees } from '../support/memory-trees.js';
import { plaintextOf, textOf } from '../support/memory-vault.js';
import { Ended } from './simulated-disk.js';

/** A place in the protocol of a change. */
export interface Step {
  readonly of: 'commit' | 'stage' | 'wipe';
  readonly when: 'before' | 'after';
  /** Which root store. */
  readonly store: number;
}

/** Stores that outlive processes, and the process that uses them now. */
export class World {
  readonly trees: MemoryTrees;
  readonly rootStores: MemoryRoot[];
  /** Called at each step of the current process; what it throws, the step throws. */
  onStep: (step: Step) => void = () => undefined;
  onFenced: (error: FencedError) => void = () => undefined;
  #owner: TreeOwner | undefined;
  #vault: KeyTreeVault | undefined;
  #life = { isOver: false };

  constructor({ rootStores = 1, isExclusive = true } = {}) {
    this.trees = new MemoryTrees({ isExclusive });
    this.trees.onCommit = (when) => this.onStep({ of: 'commit', when, store: 0 });
    this.rootStores = Array.from({ length: rootStores }, (_, store) => {
      const root = new MemoryRoot();
      root.onStep = (of, when) => this.onStep({ of, when, store });
      return root;
    });
  }

  /** A world with a process in it. */
  static async started(options: ConstructorParameters<typeof World>[0] = {}): Promise<World> {
    const world = new World(options);
    await world.start();
    return world;
  }

  get vault(): KeyTreeVault {
    return this.#vault!;
  }

  get owner(): TreeOwner {
    return this.#owner!;
  }

  /** A new process; the one before is over, as after a crash. */
  async start(): Promise<void> {
    this.end();
    const life = { isOver: false };
    this.#life = life;
    const rootStores = this.rootStores.map((store): RootStore => mortal(store, life));
    const { trees } = this;
    const stores: TreeStores = {
      rootIds: async () => await trees.rootIds(),
      of: (rootId) => mortal(trees.of(rootId), life),
    };
    this.#owner = await TreeOwner.open({ rootStores, trees: stores }, (error) =>
      this.onFenced(error),
    );
    this.#vault = await createKeyTreeVault(this.#owner);
  }

  /** The process ends at once: nothing that it began goes on. */
  end(): void {
    this.#life.isOver = true;
  }

  /** It ends at the n-th step from now on, when it gets so far. */
  endAtStep(n: number): void {
    let left = n;
    this.onStep = () => {
      if (left-- > 0) return;
      this.onStep = () => undefined;
      this.end();
      throw new Ended();
    };
  }

  async enrol(uuid: string, tenantId = 't', scope?: KeyScope): Promise<SealedTemplate> {
    const owner = { tenantId, uuid };
    return { ...owner, ...(await this.vault.seal(owner, plaintextOf(`face of ${uuid}`), scope)) };
  }

  async enrolMany(uuids: readonly string[], tenantId = 't'): Promise<SealedTemplate[]> {
    return await Promise.all(uuids.map((uuid) => this.enrol(uuid, tenantId)));
  }

  /** For each template whether it opens, and to what it was sealed from. */
  async areOpen(templates: readonly SealedTemplate[]): Promise<boolean[]> {
    const opened = await this.vault.open(templates);
    return opened.map((plaintext, at) => {
      const text = textOf(plaintext);
      if (text !== undefined && text !== `face of ${templates[at]!.uuid}`)
        throw new Error(`${templates[at]!.uuid} opened to something else`);
      return text !== undefined;
    });
  }

  /** The newest version of each node that the root may open. */
  async liveRows(): Promise<Map<string, NodeRow>> {
    const { root, shapes } = await this.owner.tree();
    const rows = new Map<string, NodeRow>();
    for (const row of this.trees.nodes.values()) {
      const known = rows.get(placeText(row));
      const isCut = row.tree !== DIRECTORY && !shapes.has(row.tree);
      if (!isCut && row.epoch <= root.epoch && row.epoch > (known?.epoch ?? -1))
        rows.set(placeText(row), row);
    }
    return rows;
  }

  /** Key id of each node, by place. */
  async keyIds(): Promise<Map<string, string>> {
    const rows = await this.liveRows();
    return new Map([...rows].map(([place, row]) => [place, keyIdIn(row.sealed)]));
  }

  /**
   * What somebody finds who has every node that was ever stored and the root stores as they are now:
   * ids of all keys that he can open.
   */
  stolenKeyIds(): Set<string> {
    const sealedBy = new Map<string, Uint8Array[]>();
    for (const sealed of this.trees.everSealed)
      sealedBy.set(keyIdIn(sealed), [...(sealedBy.get(keyIdIn(sealed)) ?? []), sealed]);
    const found = new Set<string>();
    const keys = [rootKeyOf(this.rootStores.flatMap((store) => store.shares()))];
    for (let key = keys.pop(); key !== undefined; key = keys.pop()) {
      const keyId = keyIdText(key);
      if (found.has(keyId)) continue;
      found.add(keyId);
      for (const sealed of sealedBy.get(keyId) ?? []) keys.push(...keysIn(openNode(key, sealed)));
    }
    return found;
  }
}

/** The nodes from the leaf of a key up to the root, by place. */
export function pathOf(tree: KeyTree, keyId: string): string[] {
  const name = parseKeyName(keyId)!;
  const path: string[] = [];
  let place: ReturnType<typeof leafOf>['place'] | undefined = leafOf(name.tree, name.slot).place;
  while (place !== undefined) {
    path.push(placeText(place));
    place = tree.parentOf(place)?.place;
  }
  return path;
}

/** Everything that a tree holds in memory, in a form that can be compared. */
export function picture(tree: KeyTree, rows: Iterable<NodeRow>): unknown {
  const nodes = [...rows].flatMap((row) => {
    const node = tree.upper(row);
    if (node === undefined) return [];
    const entries = node.entries.use((bytes) => Buffer.from(bytes).toString('base64'));
    return [[placeText(row), node.epoch, node.revision, entries] as const];
  });
  const room = [...tree.room].flatMap(([number, leaves]) =>
    [...leaves].map(([index, used]) => `${number}/${index}: ${used}`),
  );
  return {
    directoryHeight: tree.directoryHeight,
    heldBytes: tree.heldBytes,
    shapes: [...tree.shapes.values()].sort((a, b) => a.tree - b.tree),
    nodes: new Map(nodes.map(([place, ...rest]) => [place, rest])),
    room: room.sort(),
  };
}

function keyIdIn(sealed: Uint8Array): string {
  return Buffer.from(parseNode(sealed)!.keyId).toString('base64url');
}

function keysIn(entries: SecretBytes): SecretBytes[] {
  const parts = Array.from({ length: FAN_OUT }, (_, at) => entries.part(at * KEY_BYTES, KEY_BYTES));
  return parts.filter((part) => part.use((bytes) => bytes.some((byte) => byte !== 0)));
}

/** The store as a process sees it, which does nothing any more when its life is over. */
function mortal<T extends object>(store: T, life: { readonly isOver: boolean }): T {
  return new Proxy(store, {
    get: (target, name) => {
      const value: unknown = Reflect.get(target, name);
      if (typeof value !== 'function') return value;
      return async (...parts: unknown[]) => {
        if (life.isOver) throw new Ended();
        return (await Reflect.apply(value, target, parts)) as unknown;
      };
    },
  });
}
