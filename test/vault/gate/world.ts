import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { SecretBytes } from '../../../src/crypto/secret-bytes.js';
import type { Store } from '../../../src/operations/unit-of-work.js';
import { openSqliteStore } from '../../../src/store/sqlite/open.js';
import { createKeyTreeVault, type KeyTreeVault } from '../../../src/vault/key-tree-vault.js';
import { type BlockFile, openBlockFile } from '../../../src/vault/roots/block-file.js';
import { RootFile } from '../../../src/vault/roots/root-file.js';
import type { RootStore } from '../../../src/vault/roots/root-store.js';
import { TreeOwner } from '../../../src/vault/tree/tree-owner.js';
import type { NodeRow, TreeStores } from '../../../src/vault/tree/tree-store.js';
import type { SealedTemplate } from '../../../src/vault/vault.js';

/** What happened, in order: commits of nodes, stages and wipes of each store, writes and syncs of its file. */
export type Step = `${'commit' | 'stage' | 'wipe' | 'write' | 'sync'}:${'begin' | 'end'}`;

/** Something that an invariant or the thief found wrong. */
export class Caught extends Error {
  override readonly name = 'Caught';
}

export function require(isRight: boolean, what: string): void {
  if (!isRight) throw new Caught(what);
}

/**
 * A vault on a real SQLite file and real root files, with everything that it did and everything that
 * a backup could have kept of it.
 */
export class World {
  readonly dataDir = temporaryFolder();
  readonly rootPaths: readonly string[];
  readonly steps: Step[] = [];
  /** Every node that was ever sent to the database. */
  readonly nodes: NodeRow[] = [];
  readonly backups: Buffer[] = [];
  /** Throws when a test wants a step to fail before it happens. */
  fail: (step: Step) => void = () => undefined;
  store!: Store;
  vault!: KeyTreeVault;
  #owner: TreeOwner | undefined;
  #rootStores: RootStore[] = [];

  private constructor(shares: number) {
    this.rootPaths = Array.from({ length: shares }, (_, at) =>
      join(this.dataDir, `root-${String(at)}.key`),
    );
  }

  static async open(shares = 1): Promise<World> {
    const world = new World(shares);
    world.store = await openSqliteStore({ dataDir: world.dataDir });
    await world.start();
    return world;
  }

  async start(): Promise<void> {
    this.#rootStores = this.rootPaths.map((path) => this.#rootStore(path));
    this.#owner = await TreeOwner.open(
      { rootStores: this.#rootStores, trees: this.#trees() },
      () => undefined,
    );
    this.vault = await createKeyTreeVault(this.#owner);
  }

  /** As a crash does: nothing is finished, and the next start reads what is stored. */
  async crash(): Promise<void> {
    this.fail = () => undefined;
    for (const store of this.#rootStores) await store.close();
  }

  async stop(): Promise<void> {
    await this.vault.close();
    await this.crash();
  }

  async close(): Promise<void> {
    await this.stop();
    await this.store.close();
    rmSync(this.dataDir, { recursive: true, force: true });
  }

  async enrol(tenantId: string, uuid: string): Promise<SealedTemplate> {
    const owner = { tenantId, uuid };
    const sealed = await this.vault.seal(owner, unitVector(uuid));
    const enrolment = { ...sealed, model: 'model', enrolledAtMs: 0 };
    await this.store.subjects.insert({ ...owner, state: 'live', enrolment });
    return { ...owner, ...sealed };
  }

  /** Every byte of the database as it is on the disk now. */
  backUp(): void {
    for (const name of readdirSync(this.dataDir))
      if (name.startsWith('lethe.db')) this.backups.push(readFileSync(join(this.dataDir, name)));
  }

  roots(): Buffer[] {
    return this.rootPaths.map((path) => readFileSync(path));
  }

  inodes(): number[] {
    return this.rootPaths.map((path) => statSync(path).ino);
  }

  #trees(): TreeStores {
    const { trees } = this.store;
    return {
      rootIds: () => trees.rootIds(),
      of: (rootId) => {
        const inner = trees.of(rootId);
        return {
          ...inner,
          commit: (change, ownerId) =>
            this.#step('commit', async () => {
              this.nodes.push(...(change.written ?? []), ...(change.resealed ?? []));
              return await inner.commit(change, ownerId);
            }),
        };
      },
    };
  }

  #rootStore(path: string): RootStore {
    const inner = new RootFile({
      path,
      lock: () => ({ release: () => undefined }),
      open: (name, mode) => this.#blockFile(openBlockFile(name, mode)),
    });
    return {
      name: path,
      preflight: () => inner.preflight(),
      load: () => inner.load(),
      stage: (slot) => this.#step('stage', () => inner.stage(slot)),
      wipe: (except) => this.#step('wipe', () => inner.wipe(except)),
      close: () => inner.close(),
    };
  }

  #blockFile(inner: BlockFile): BlockFile {
    return {
      ...inner,
      write: (bytes, atByte) => {
        this.steps.push('write:begin');
        inner.write(bytes, atByte);
        this.steps.push('write:end');
      },
      sync: () => {
        this.steps.push('sync:begin');
        inner.sync();
        this.steps.push('sync:end');
      },
    };
  }

  async #step<T>(name: 'commit' | 'stage' | 'wipe', work: () => Promise<T>): Promise<T> {
    this.fail(`${name}:begin`);
    this.steps.push(`${name}:begin`);
    const result = await work();
    this.fail(`${name}:end`);
    this.steps.push(`${name}:end`);
    return result;
  }
}

/** Removed with the process, whatever was noticed. */
function temporaryFolder(): string {
  const path = mkdtempSync(join(tmpdir(), 'lethe-gate-'));
  process.on('exit', () => {
    rmSync(path, { recursive: true, force: true });
  });
  return path;
}

/** A face that only this name has: a unit vector of 128 float32 values. */
export function unitVector(name: string): SecretBytes {
  const values = Float32Array.from({ length: 128 }, (_, at) => Math.sin(hashOf(name) * (at + 1)));
  const norm = Math.hypot(...values);
  return SecretBytes.take(new Uint8Array(values.map((value) => value / norm).buffer));
}

function hashOf(name: string): number {
  let hash = 7;
  for (const char of name) hash = (hash * 31 + char.charCodeAt(0)) % 1_000_003;
  return hash;
}
