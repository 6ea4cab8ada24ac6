import { mkdirSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { SecretBytes } from '../../crypto/secret-bytes.js';
import type { BlockFile } from './block-file.js';
import { RootFile } from './root-file.js';
import { parseSlot, printSlot, type RootSlot, SLOT_BYTES } from './root-slot.js';
import { type Preflight, RootStoreError } from './root-store.js';

/** Clients whose shares one server keeps. */
const MAX_SHARES = 1_000;
const MAX_SLOTS = 2;
const SHARE_SUFFIX = '.share';

interface Lock {
  release(): void;
}

interface Options {
  /** Made for its owner alone when there is none. */
  readonly directory: string;
  /** Makes this process the only user of a path until it ends; undefined when another one is. */
  readonly lock: (path: string) => Lock | undefined;
  /** Opens a file; tests put a file in its place that fails. */
  readonly open?: (path: string, mode: 'existing' | 'new') => BlockFile;
}

/**
 * What became of a call: `malformed` is no whole slot, `conflict` is out of step with what is kept,
 * `full` is one client too many, `failed` is the file or its disk. The reason goes on after the name
 * of the server, for the operator of the client.
 */
export type KeptShare<T> =
  | { readonly kind: 'done'; readonly value: T }
  | {
      readonly kind: 'malformed' | 'conflict' | 'full' | 'failed';
      readonly reason: string;
    };

/**
 * Keeps one share for each client in a {@link RootFile} of its own. A client is called by 64 lower
 * case hex digits: the SHA-256 fingerprint of its public key. Calls of one client run one after the
 * other; a file is open only during a call, so that each call checks afresh that nobody else reads
 * it. One process keeps a directory. The constructor throws {@link RootStoreError}.
 */
export class ShareKeeper {
  readonly #directory: string;
  readonly #open: Options['open'];
  readonly #lock: Lock;
  /** The last call under way for each client. */
  readonly #calls = new Map<string, Promise<unknown>>();

  constructor({ directory, lock, open }: Options) {
    makePrivate(directory);
    this.#directory = directory;
    this.#open = open;
    const taken = lock(join(directory, 'share-server'));
    if (taken === undefined) {
      throw new RootStoreError(
        `${directory} is kept by another share server; stop that one, or give this one another directory`,
      );
    }
    this.#lock = taken;
  }

  /** Judges the disk under the client's share; changes nothing. */
  async preflight(client: string): Promise<KeptShare<Preflight>> {
    return await this.#use(client, async (file) => done(await file.preflight()));
  }

  /**
   * 8192 bytes: the printed slots, highest epoch first, and zeros for each that is not there. The
   * caller wipes them.
   */
  async load(client: string): Promise<KeptShare<SecretBytes>> {
    return await this.#use(client, async (file) => done(joined((await file.load()) ?? [])));
  }

  /** Writes a printed slot as {@link RootFile.stage} does; makes the file at the first use. */
  async stage(client: string, printed: Uint8Array): Promise<KeptShare<undefined>> {
    const slot = parseSlot(printed);
    if (slot === undefined) return { kind: 'malformed', reason: 'was sent bytes that are no slot' };
    try {
      return await this.#use(client, async (file) => {
        const kept = await peek(file);
        const refusal = kept === undefined ? this.#refuseNew() : refuseStage(kept, slot);
        if (refusal !== undefined) return refusal;
        await file.stage(slot);
        return done(undefined);
      });
    } finally {
      slot.share.wipe();
    }
  }

  /** Overwrites all but this epoch, as {@link RootFile.wipe} does. Irreversible. */
  async wipe(client: string, epoch: number): Promise<KeptShare<undefined>> {
    return await this.#use(client, async (file) => {
      const kept = await peek(file);
      if (kept?.some((slot) => slot.epoch === epoch) !== true) {
        return {
          kind: 'conflict',
          reason: `does not hold epoch ${epoch.toString()}; nothing was wiped`,
        };
      }
      await file.wipe({ epoch });
      return done(undefined);
    });
  }

  /** Waits for the calls under way, then lets another process use the directory. */
  async close(): Promise<void> {
    await Promise.allSettled(this.#calls.values());
    this.#lock.release();
  }

  /** Runs one call after those of the same client. */
  async #use<T>(
    client: string,
    work: (file: RootFile) => Promise<KeptShare<T>>,
  ): Promise<KeptShare<T>> {
    const before = this.#calls.get(client);
    const call = (async () => {
      await before?.catch(() => undefined);
      return await this.#withFile(client, work);
    })();
    this.#calls.set(client, call);
    try {
      return await call;
    } finally {
      if (this.#calls.get(client) === call) this.#calls.delete(client);
    }
  }

  async #withFile<T>(
    client: string,
    work: (file: RootFile) => Promise<KeptShare<T>>,
  ): Promise<KeptShare<T>> {
    const file = new RootFile({
      path: this.#pathOf(client),
      // The directory is locked as a whole.
      lock: () => ({ release: () => undefined }),
      ...(this.#open !== undefined && { open: this.#open }),
    });
    try {
      return await work(file);
    } catch (error) {
      if (!(error instanceof RootStoreError)) throw error;
      return { kind: 'failed', reason: `cannot use the share that it keeps: ${error.message}` };
    } finally {
      await file.close();
    }
  }

  #pathOf(client: string): string {
    if (!/^[0-9a-f]{64}$/.test(client)) throw new RangeError('a client is called by a fingerprint');
    return join(this.#directory, client + SHARE_SUFFIX);
  }

  #refuseNew(): KeptShare<never> | undefined {
    const shares = readdirSync(this.#directory).filter((name) => name.endsWith(SHARE_SUFFIX));
    if (shares.length < MAX_SHARES) return undefined;
    return {
      kind: 'full',
      reason: `keeps ${MAX_SHARES.toString()} shares, as many as it may; remove those that nobody uses any more`,
    };
  }
}

function done<T>(value: T): KeptShare<T> {
  return { kind: 'done', value };
}

/** What a file holds, without its shares. */
async function peek(
  file: RootFile,
): Promise<readonly Pick<RootSlot, 'rootId' | 'epoch'>[] | undefined> {
  const slots = await file.load();
  for (const { share } of slots ?? []) share.wipe();
  return slots;
}

function refuseStage(
  kept: readonly Pick<RootSlot, 'rootId' | 'epoch'>[],
  slot: RootSlot,
): KeptShare<never> | undefined {
  if (kept.some(({ rootId }) => rootId !== slot.rootId)) {
    return {
      kind: 'conflict',
      reason:
        'keeps the share of another root for this client; give each installation a client key of its own',
    };
  }
  const epoch = Math.max(...kept.map((one) => one.epoch));
  if (slot.epoch > epoch) return undefined;
  return {
    kind: 'conflict',
    reason: `is at epoch ${epoch.toString()} already: another process has used this root; stop it and start again`,
  };
}

/** Prints slots into the place of two, and wipes their shares. */
function joined(slots: readonly RootSlot[]): SecretBytes {
  const buffer = new ArrayBuffer(MAX_SLOTS * SLOT_BYTES);
  const bytes = new Uint8Array(buffer);
  slots.forEach((slot, at) => {
    const printed = printSlot(slot);
    printed.use((page) => bytes.set(page, at * SLOT_BYTES));
    printed.wipe();
    slot.share.wipe();
  });
  return SecretBytes.own(buffer);
}

function makePrivate(directory: string): void {
  try {
    mkdirSync(directory, { recursive: true, mode: 0o700 });
    if ((statSync(directory).mode & 0o077) === 0) return;
  } catch (cause) {
    const { code = 'unknown error' } = cause as NodeJS.ErrnoException;
    throw new RootStoreError(
      `${directory} cannot be made (${code}); name a directory that this user may write to`,
      { cause },
    );
  }
  throw new RootStoreError(`${directory} is open to others; set its mode to 0700`);
}
