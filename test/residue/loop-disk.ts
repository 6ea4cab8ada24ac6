import { execFileSync } from 'node:child_process';
import {
  closeSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readFileSync,
  readSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Hit, Scanner, type Tombstones } from './scanner.js';

const IMAGE_BYTES = 64 << 20;

/** How a disk is made and mounted: options of mkfs.ext4(8), tune2fs(8) and mount(8). */
export interface DiskOptions {
  readonly fileSystem?: 'ext4' | 'ext3' | 'ext2';
  readonly mkfs?: readonly string[];
  readonly tune2fs?: readonly string[];
  readonly mount?: string;
}

/**
 * A file system of its own in a file, mounted through a loop device: what is on its disk can be read
 * byte by byte afterwards. Needs root. `scripts/test-residue.mjs` removes what a crash leaves.
 */
export class LoopDisk {
  /** Where it is mounted. */
  readonly folder: string;
  readonly #home: string;
  readonly #image: string;
  #device: string | undefined;

  constructor(options: DiskOptions = {}) {
    const { fileSystem = 'ext4', mkfs = [], tune2fs, mount = 'defaults' } = options;
    this.#home = mkdtempSync(join(process.env['LETHE_RESIDUE_DIR'] ?? tmpdir(), 'lethe-disk-'));
    this.#image = join(this.#home, 'image');
    this.folder = join(this.#home, 'mounted');
    mkdirSync(this.folder);
    writeFileSync(this.#image, '');
    truncateSync(this.#image, IMAGE_BYTES);
    command('mkfs.ext4', '-q', '-F', '-t', fileSystem, ...mkfs, this.#image);
    if (tune2fs !== undefined) command('tune2fs', ...tune2fs, this.#image);
    const device = command('losetup', '--find', '--show', this.#image).trim();
    this.#device = device;
    try {
      command('mount', '-t', fileSystem, '-o', mount, device, this.folder);
    } catch (error) {
      this.remove();
      throw error;
    }
  }

  /** Unmounts it, which writes everything out, and lets the image go. */
  unmount(): void {
    if (this.#device === undefined) return;
    if (isMounted(this.folder)) command('umount', this.folder);
    command('losetup', '--detach', this.#device);
    this.#device = undefined;
  }

  /** Looks at every byte of the unmounted disk. */
  find(tombstones: Tombstones): Hit[] {
    const image = openSync(this.#image, 'r');
    try {
      return new Scanner(tombstones, { strideBytes: 1 }).scan(
        (into, offset) => readSync(image, into, 0, into.byteLength, offset),
        { from: 0, to: IMAGE_BYTES },
      );
    } finally {
      closeSync(image);
    }
  }

  /** Removes it, also while a file of it is still open. */
  remove(): void {
    if (isMounted(this.folder)) command('umount', '--lazy', this.folder);
    if (this.#device !== undefined) command('losetup', '--detach', this.#device);
    this.#device = undefined;
    rmSync(this.#home, { recursive: true, force: true });
  }
}

function isMounted(folder: string): boolean {
  return readFileSync('/proc/self/mountinfo', 'utf8').includes(` ${folder} `);
}

function command(name: string, ...args: readonly string[]): string {
  return execFileSync(name, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
}
