import { renameSync, writeFileSync } from 'node:fs';

/** Set further than this from the true time, in either direction, no clock is while there is chaos. */
export const FURTHEST_MS = 3_600_000;

/** The wall clock of a server, off the true time by what its file says. */
export class SteppedClock {
  readonly path: string;
  #offsetMs = 0;
  #highestMs = 0;

  constructor(path: string) {
    this.path = path;
    this.#write();
  }

  get offsetMs(): number {
    return this.#offsetMs;
  }

  /** As far ahead as it ever was. */
  get highestMs(): number {
    return this.#highestMs;
  }

  step(toOffsetMs: number): void {
    this.#offsetMs = Math.round(toOffsetMs);
    this.#highestMs = Math.max(this.#highestMs, this.#offsetMs);
    this.#write();
  }

  /** In one piece: the server may be reading. */
  #write(): void {
    writeFileSync(`${this.path}.new`, this.#offsetMs.toString());
    renameSync(`${this.path}.new`, this.path);
  }
}
