import { randomFillSync } from 'node:crypto';
import { closeSync, fsyncSync, lstatSync, openSync } from 'node:fs';
import { dirname } from 'node:path';
import { type BlockFile, openBlockFile } from './block-file.js';
import { judgeFile } from './file-system.js';
import { parseSlot, printSlot, type RootSlot, SLOT_BYTES } from './root-slot.js';
import { type RootStore, RootStoreError } from './root-store.js';

const SLOTS = 2;
const FILE_BYTES = SLOTS * SLOT_BYTES;

interface FileLock {
  release(): void;
}

interface Options {
  readonly path: string;
  /** Makes this process the only user of a path until it ends; undefined when another one is. */
  readonly lock: (path: string) => FileLock | undefined;
  /** Opens the file; tests put a file in its place that fails or tears. */
  readonly open?: (path: string, mode: 'existing' | 'new') => BlockFile;
}

/**
 * A share in a file of two slots of 4 KiB, mode 0600. The file is overwritten in place and synced,
 * because a file that is written anew and renamed leaves every old share in free blocks of the disk.
 */
export class RootFile implements RootStore {
  readonly name: string;
  readonly #open: (path: string, mode: 'existing' | 'new') => BlockFile;
  readonly #lock: FileLock;
  #file: BlockFile | undefined;
  /** The epoch that is on the disk, and not only in its cache, because this process synced it. */
  #durableEpoch: number | undefined;

  /** Locks the path; throws {@link RootStoreError} when another process uses it. */
  constructor({ path, lock, open = openBlockFile }: Options) {
    this.name = path;
    this.#open = open;
    const taken = guarded(path, () => lock(path));
    if (taken === undefined)
      throw new RootStoreError(
        `${path} is in use by another process, and a root has one owner; stop that one, or give this one VAULT_URL so that it calls a key service`,
      );
    this.#lock = taken;
  }

  async preflight() {
    return judgeFile(this.name);
  }

  async load(): Promise<readonly RootSlot[] | undefined> {
    return guarded(this.name, () => {
      const file = this.#opened();
      const present = file && this.#slotsOf(file);
      if (file === undefined || present === undefined) return undefined;
      try {
        this.#settle(file, present);
      } catch (error) {
        for (const held of present) held?.share.wipe();
        throw error;
      }
      return present.filter((slot) => slot !== undefined).sort((a, b) => b.epoch - a.epoch);
    });
  }

  async stage(slot: RootSlot): Promise<void> {
    guarded(this.name, () => {
      this.#file = this.#opened() ?? this.#open(this.name, 'new');
      const file = this.#file;
      const present = this.#slotsOf(file) ?? this.#allocate(file);
      const current = highest(present);
      const currentEpoch = current?.epoch ?? 0;
      for (const held of present) held?.share.wipe();
      if (slot.epoch <= currentEpoch) {
        this.#fail(
          `is at epoch ${currentEpoch.toString()} already: another process has used this root; stop it and start again`,
        );
      }
      this.#write(file, { slot, at: current === undefined ? 0 : 1 - present.indexOf(current) });
    });
  }

  async wipe({ epoch }: { readonly epoch: number }): Promise<void> {
    guarded(this.name, () => {
      const file = this.#opened();
      const present = file === undefined ? [] : readSlots(file);
      for (const held of present) held?.share.wipe();
      if (file === undefined || !present.some((slot) => slot?.epoch === epoch))
        this.#fail(`does not hold epoch ${epoch.toString()}; nothing was wiped`);
      present.forEach((slot, at) => {
        if (slot?.epoch !== epoch) file.write(noise(), at * SLOT_BYTES);
      });
      file.sync();
    });
  }

  async close(): Promise<void> {
    this.#file?.close();
    this.#file = undefined;
    this.#lock.release();
  }

  /** The open file; undefined when there is none yet. */
  #opened(): BlockFile | undefined {
    if (this.#file !== undefined) return this.#file;
    const stat = lstatSync(this.name, { throwIfNoEntry: false });
    if (stat === undefined) return undefined;
    if (!stat.isFile()) this.#fail('must be a regular file, not a link or a folder; name the file');
    if ((stat.mode & 0o077) !== 0) this.#fail('can be read by others; set its mode to 0600');
    if (stat.nlink > 1)
      this.#fail('has another hard link, by which an old root could be kept; remove the link');
    const file = this.#open(this.name, 'existing');
    if (stat.size > FILE_BYTES || (stat.size < FILE_BYTES && !isUnwritten(file))) {
      file.close();
      this.#fail(
        `must hold exactly ${FILE_BYTES.toString()} bytes: it is not a root file of this release`,
      );
    }
    this.#file = file;
    return file;
  }

  /** Undefined for a file that no share was ever written to. */
  #slotsOf(file: BlockFile): (RootSlot | undefined)[] | undefined {
    const slots = readSlots(file);
    if (slots.some((slot) => slot !== undefined)) return slots;
    if (isUnwritten(file)) return undefined;
    return this.#fail(
      'holds no whole root slot: it is damaged or not a root file; put back the file that belongs ' +
        'here, or an escrowed root, for without it no template of this store opens',
    );
  }

  /**
   * Makes the newest slot durable that a process may have written and not synced: it decides whether
   * an older share is wiped, here and in other stores, and must not be lost after that. It is written
   * again, for after a failed sync the system takes its pages for clean.
   */
  #settle(file: BlockFile, present: readonly (RootSlot | undefined)[]): void {
    const newest = highest(present);
    if (newest === undefined || newest.epoch === this.#durableEpoch) return;
    this.#write(file, { slot: newest, at: present.indexOf(newest) });
  }

  #write(file: BlockFile, { slot, at }: { slot: RootSlot; at: number }): void {
    this.#durableEpoch = undefined;
    const bytes = printSlot(slot);
    try {
      bytes.use((printed) => file.write(printed, at * SLOT_BYTES));
      file.sync();
    } finally {
      bytes.wipe();
    }
    this.#durableEpoch = slot.epoch;
  }

  /** Its blocks are allocated before the first share is written, so that no later write moves them. */
  #allocate(file: BlockFile): (RootSlot | undefined)[] {
    file.write(new Uint8Array(SLOT_BYTES), 0);
    file.write(noise(), SLOT_BYTES);
    file.sync();
    const directory = openSync(dirname(this.name), 'r');
    try {
      fsyncSync(directory);
    } finally {
      closeSync(directory);
    }
    return [];
  }

  #fail(reason: string): never {
    throw new RootStoreError(`${this.name} ${reason}`);
  }
}

function readSlots(file: BlockFile): (RootSlot | undefined)[] {
  return Array.from({ length: SLOTS }, (_, at) => readPage(file, at, parseSlot));
}

/**
 * Whether the first slot is as it was allocated and the second holds no share: the process ended
 * before it had written one. A slot in use holds a share or random bytes.
 */
function isUnwritten(file: BlockFile): boolean {
  const isAllocated = readPage(file, 0, (bytes) => bytes.every((byte) => byte === 0));
  const second = readPage(file, 1, parseSlot);
  second?.share.wipe();
  return isAllocated && second === undefined;
}

function readPage<T>(file: BlockFile, at: number, parse: (bytes: Uint8Array) => T): T {
  const bytes = new Uint8Array(SLOT_BYTES);
  const lengthBytes = file.read(bytes, at * SLOT_BYTES);
  try {
    return parse(bytes.subarray(0, lengthBytes));
  } finally {
    bytes.fill(0);
  }
}

function highest(slots: readonly (RootSlot | undefined)[]): RootSlot | undefined {
  return slots.reduce<RootSlot | undefined>(
    (best, slot) => ((slot?.epoch ?? -1) > (best?.epoch ?? -1) ? slot : best),
    undefined,
  );
}

function noise(): Uint8Array {
  return randomFillSync(new Uint8Array(SLOT_BYTES));
}

/** What the file system says becomes one sentence that names the file. */
function guarded<T>(path: string, work: () => T): T {
  try {
    return work();
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === undefined || error instanceof RootStoreError) throw error;
    throw new RootStoreError(`${path} ${FAILURES[code] ?? `cannot be used (${code})`}`, {
      cause: error,
    });
  }
}

const FAILURES: Readonly<Record<string, string>> = {
  EACCES: 'cannot be read and written by this user; give it to the user that runs Lethe, mode 0600',
  EPERM: 'cannot be read and written by this user; give it to the user that runs Lethe, mode 0600',
  EROFS: 'is on a read-only file system; mount it for writing, for nothing can be erased otherwise',
  ENOSPC: 'does not fit on its full disk; make room and try again',
  EIO: 'cannot be read or written: the disk reports an error; replace it',
  ELOOP: 'is a symbolic link; name the file itself',
  ENOENT: 'cannot be made: its folder does not exist',
  ENOTDIR: 'cannot be made: its folder is not one',
};
