import { closeSync, fsyncSync, openSync, renameSync, writeSync } from 'node:fs';
import { dirname } from 'node:path';
import { printSlot, type RootSlot } from '../../src/vault/roots/root-slot.js';

/** Keeps a share as careful programs keep a file: written anew, synced and renamed over the old one. */
export class RenamedFile {
  readonly #path: string;

  constructor(path: string) {
    this.#path = path;
  }

  async stage(slot: RootSlot): Promise<void> {
    const file = openSync(`${this.#path}.new`, 'w', 0o600);
    const printed = printSlot(slot);
    printed.use((bytes) => writeSync(file, bytes));
    printed.wipe();
    fsyncSync(file);
    closeSync(file);
  }

  async wipe(): Promise<void> {
    renameSync(`${this.#path}.new`, this.#path);
    const folder = openSync(dirname(this.#path), 'r');
    fsyncSync(folder);
    closeSync(folder);
  }
}
