import type { Pool } from 'undici';
import { MINUTE_MS } from '../lib/clock.js';

const IDLE_MS = MINUTE_MS;

/** Where connections lead, and as whom they were made. */
export interface Destination {
  /** Connections are shared by what has the same name, and by nothing else. */
  readonly name: string;
  open(): Pool;
}

interface Entry {
  readonly pool: Pool;
  users: number;
  /** Runs while there are none. */
  idleTimer?: NodeJS.Timeout;
}

/**
 * Connections to receivers: a pool for each destination, so that one that hangs holds up no other.
 * A pool that nobody has used for a minute is closed and forgotten. There are never more than
 * `maxPools` that are not in use.
 */
export class DestinationPools {
  readonly #entries = new Map<string, Entry>();
  readonly #maxPools: number;
  readonly #idleMs: number;

  constructor(maxPools: number, idleMs: number = IDLE_MS) {
    this.#maxPools = maxPools;
    this.#idleMs = idleMs;
  }

  /** How many pools there are. */
  get size(): number {
    return this.#entries.size;
  }

  /** Lends the pool of a destination for the time of one piece of work. */
  async use<T>(destination: Destination, work: (pool: Pool) => Promise<T>): Promise<T> {
    const { name } = destination;
    const entry = this.#entries.get(name) ?? { pool: destination.open(), users: 0 };
    // Last in the map is last used.
    this.#entries.delete(name);
    this.#entries.set(name, entry);
    clearTimeout(entry.idleTimer);
    entry.users += 1;
    try {
      return await work(entry.pool);
    } finally {
      entry.users -= 1;
      if (entry.users === 0) this.#awaitUse(name, entry);
      this.#closeSurplus();
    }
  }

  /** Ends every connection, with what is under way on it. */
  async destroy(): Promise<void> {
    const entries = [...this.#entries.values()];
    this.#entries.clear();
    for (const { idleTimer } of entries) clearTimeout(idleTimer);
    await Promise.all(entries.map(({ pool }) => pool.destroy()));
  }

  #awaitUse(name: string, entry: Entry): void {
    if (this.#entries.get(name) !== entry) return;
    const close = (): void => {
      this.#close(name, entry);
    };
    // No reason to keep the process running.
    entry.idleTimer = setTimeout(close, this.#idleMs).unref();
  }

  #closeSurplus(): void {
    for (const [name, entry] of this.#entries) {
      if (this.#entries.size <= this.#maxPools) return;
      if (entry.users === 0) this.#close(name, entry);
    }
  }

  #close(name: string, { pool, idleTimer }: Entry): void {
    clearTimeout(idleTimer);
    this.#entries.delete(name);
    void pool.destroy();
  }
}
