import { Pool } from 'undici';

interface Entry {
  readonly pool: Pool;
  users: number;
}

/** Connections to receivers: a pool for each origin, so that one that hangs holds up no other. */
export class DestinationPools {
  readonly #entries = new Map<string, Entry>();
  readonly #options: Pool.Options;
  readonly #maxPools: number;

  constructor(options: Pool.Options, maxPools: number) {
    this.#options = options;
    this.#maxPools = maxPools;
  }

  /** Lends the pool of an origin for the time of one piece of work. */
  async use<T>(origin: string, work: (pool: Pool) => Promise<T>): Promise<T> {
    const entry = this.#entries.get(origin) ?? {
      pool: new Pool(origin, this.#options),
      users: 0,
    };
    // Last in the map is last used.
    this.#entries.delete(origin);
    this.#entries.set(origin, entry);
    entry.users += 1;
    try {
      return await work(entry.pool);
    } finally {
      entry.users -= 1;
      this.#closeSurplus();
    }
  }

  /** Ends every connection, with what is under way on it. */
  async destroy(): Promise<void> {
    const pools = [...this.#entries.values()].map(({ pool }) => pool);
    this.#entries.clear();
    await Promise.all(pools.map((pool) => pool.destroy()));
  }

  #closeSurplus(): void {
    for (const [origin, { pool, users }] of this.#entries) {
      if (this.#entries.size <= this.#maxPools) return;
      if (users > 0) continue;
      this.#entries.delete(origin);
      void pool.destroy();
    }
  }
}
