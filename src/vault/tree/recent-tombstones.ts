/** Enough for whoever asks at the same time, or again after a failure. */
const REMEMBERED_KEYS = 4_096;

/** Tombstone hashes of a key and of the root that was retired with it (`../vault.ts`). */
interface Tombstones {
  readonly key: string;
  readonly root: string;
}

/**
 * What was destroyed last: several may ask for one destruction, and all shall hear the same of it,
 * whichever of them comes first. Hashes that open nothing.
 */
export class RecentTombstones {
  /** By key id, in the order of their destruction. */
  readonly #known = new Map<string, Tombstones>();

  remember(keyId: string, tombstones: Tombstones): void {
    this.#known.set(keyId, tombstones);
    const [oldest] = this.#known.keys();
    if (this.#known.size > REMEMBERED_KEYS && oldest !== undefined) this.#known.delete(oldest);
  }

  /** Of those of these keys that are remembered. */
  of(keyIds: readonly string[]): readonly Tombstones[] {
    return keyIds.flatMap((keyId) => this.#known.get(keyId) ?? []);
  }
}
