import { truncateSync, writeFileSync } from 'node:fs';
import { type BlockFile, openBlockFile } from '../../src/vault/roots/block-file.js';

const SECTOR_BYTES = 512;

interface Sector {
  readonly atByte: number;
  readonly bytes: Uint8Array;
}

/** Ends the "process" of a test at a step of its work. */
export class Ended extends Error {
  override readonly name = 'Ended';
}

/**
 * The disk under one file. The file itself is what processes see: it is as good as the cache of the
 * system, and survives when a process is killed. When the power fails, what was written and not
 * synced is on the disk or not, sector by sector, in any order.
 */
export class SimulatedDisk {
  readonly #path: string;
  #durable = new Uint8Array(0);
  #pending: Sector[] = [];
  /** Called before each step takes effect; what it throws, the step throws. */
  onStep: (step: 'write' | 'sync') => void = () => undefined;

  constructor(path: string) {
    this.#path = path;
  }

  /** For the `open` of a root file. */
  readonly open = (path: string, mode: 'existing' | 'new'): BlockFile => {
    const file = openBlockFile(path, mode);
    return {
      ...file,
      write: (bytes, atByte) => {
        this.onStep('write');
        file.write(bytes, atByte);
        for (let at = 0; at < bytes.byteLength; at += SECTOR_BYTES)
          this.#pending.push({
            atByte: atByte + at,
            bytes: bytes.slice(at, at + SECTOR_BYTES),
          });
      },
      sync: () => {
        this.onStep('sync');
        for (const sector of this.#pending.splice(0)) this.#put(sector);
      },
    };
  };

  /** Sectors that are in the cache only. */
  get pendingSectors(): number {
    return this.#pending.length;
  }

  /** A sync that fails: the system takes its pages for clean and never writes them again. */
  forgetPending(): void {
    this.#pending = [];
  }

  /** Of the sectors in the cache those are on the disk that `survives` says. */
  failPower(survives: (sector: number) => boolean): void {
    for (const [at, sector] of this.#pending.splice(0).entries())
      if (survives(at)) this.#put(sector);
    truncateSync(this.#path, 0);
    writeFileSync(this.#path, this.#durable);
  }

  /** A state to come back to. */
  snapshot(): () => void {
    const durable = this.#durable.slice();
    const pending = [...this.#pending];
    return () => {
      this.#durable = durable.slice();
      this.#pending = [...pending];
    };
  }

  #put({ atByte, bytes }: Sector): void {
    const end = atByte + bytes.byteLength;
    if (this.#durable.byteLength < end) {
      const longer = new Uint8Array(end);
      longer.set(this.#durable);
      this.#durable = longer;
    }
    this.#durable.set(bytes, atByte);
  }
}
