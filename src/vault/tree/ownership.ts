import { SECOND_MS } from '../../lib/clock.js';
import { randomId } from '../../lib/ids.js';
import { VaultError } from '../vault-error.js';
import { type Claimant, FencedError, type TreeStore } from './tree-store.js';

/** A claim without a beat for so long is dead, and its owner has stopped using the root before that. */
const LEASE_MS = 10 * SECOND_MS;
const BEAT_MS = 3 * SECOND_MS;
/** Slack for timers of a busy process. */
const MARGIN_MS = 2 * SECOND_MS;

/**
 * The right of this process to use a root, in the eyes of the database. The lock on the root store
 * keeps out other processes that use the same store; this keeps out those that use a copy of it.
 * No clocks are compared: a claimant is dead when no beat of it was seen for a whole lease.
 */
export class Ownership {
  readonly ownerId = randomId();
  readonly #store: TreeStore;
  #provenAtMs = 0;
  #timer: NodeJS.Timeout | undefined;
  #beating: Promise<void> | undefined;
  #fence: FencedError | undefined;

  private constructor(store: TreeStore) {
    this.#store = store;
  }

  /** Claims the root; waits for the lease of a claimant that seems dead. Throws {@link VaultError}. */
  static async claim(store: TreeStore): Promise<Ownership> {
    const ownership = new Ownership(store);
    const holder = await ownership.#beat();
    if (holder === undefined) return ownership;
    await new Promise((resolve) => setTimeout(resolve, LEASE_MS + MARGIN_MS));
    if ((await ownership.#beat(holder)) !== undefined)
      throw new VaultError(
        'another process uses this root and answers; stop it first, or give this one VAULT_URL so that it calls a key service',
      );
    return ownership;
  }

  /** Renews the claim for as long as the process lives. */
  start(onFenced: (error: FencedError) => void): void {
    if (this.#store.isExclusive) return;
    this.#timer = setInterval(() => {
      this.#beating = this.#beat().then(
        (holder) => {
          if (holder === undefined) return;
          this.#fence = new FencedError();
          this.#stopBeating();
          onFenced(this.#fence);
        },
        // Without the database nothing is opened anyway; when the lease ends, nothing will be.
        () => undefined,
      );
    }, BEAT_MS);
    this.#timer.unref();
  }

  /** Throws {@link FencedError} when another process took over, or may have. */
  require(): void {
    if (this.#fence !== undefined) throw this.#fence;
    if (this.#store.isExclusive || performance.now() - this.#provenAtMs < LEASE_MS) return;
    throw new FencedError('the claim of this process to the root could not be renewed in time');
  }

  async release(): Promise<void> {
    this.#stopBeating();
    // A beat that arrived after the release would claim the root again, for nobody.
    await this.#beating;
    if (this.#fence === undefined) await this.#store.release(this.ownerId);
  }

  #stopBeating(): void {
    clearInterval(this.#timer);
  }

  /** Claims or renews; returns who holds the root instead. */
  async #beat(dead?: Claimant): Promise<Claimant | undefined> {
    const askedAtMs = performance.now();
    const holder = await this.#store.claim(this.ownerId, dead);
    if (holder.ownerId !== this.ownerId) return holder;
    this.#provenAtMs = askedAtMs;
    return undefined;
  }
}
