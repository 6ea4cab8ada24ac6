import { randomBytes } from 'node:crypto';
import { sha256 } from '../../crypto/hash.js';
import { SecretBytes } from '../../crypto/secret-bytes.js';
import { base64url } from '../../lib/bytes.js';
import { ROOT_ID_BYTES } from '../key-name.js';
import { rootKeyOf } from './root-key.js';
import { type RootSlot, SHARE_BYTES } from './root-slot.js';
import { type RootStore, RootStoreError } from './root-store.js';

/** The epoch of a root under which nothing was erased yet. */
const FIRST_EPOCH = 1;

/** A root that was drawn and is in no store yet. */
export interface NextRoot {
  readonly epoch: number;
  readonly key: SecretBytes;
  readonly slots: readonly RootSlot[];
}

/**
 * The root of the key tree over the stores of its shares: what it is now, and how it becomes
 * another one. {@link ErasableRoot.stage} is the commit point of an erasure: from then on a crash
 * finishes it. {@link ErasableRoot.forget} is the erasure point.
 */
export class ErasableRoot {
  readonly rootId: string;
  readonly #stores: readonly RootStore[];
  #epoch: number;
  #key: SecretBytes;
  #escrowedUntilMs: number;
  /** The first so many stores hold a share of the current root. */
  #shareCount: number;
  /** No store has a slot of a higher epoch, nor ever had one that could come back. */
  #highestEpoch: number;

  private constructor(stores: readonly RootStore[], current: Committed) {
    this.#stores = stores;
    this.rootId = current.rootId;
    this.#epoch = current.epoch;
    this.#key = current.key;
    this.#escrowedUntilMs = current.escrowedUntilMs;
    this.#shareCount = current.shareCount;
    this.#highestEpoch = current.highestEpoch;
  }

  /**
   * Reads the root and changes nothing; whoever may use it calls {@link forget} first, which wipes
   * what a crash left. Undefined when no store was ever written. Throws {@link RootStoreError} when a
   * share is missing.
   */
  static async open(stores: readonly RootStore[]): Promise<ErasableRoot | undefined> {
    const committed = await readCommitted(stores);
    return committed && new ErasableRoot(stores, committed);
  }

  /**
   * Id of a first root that some stores have their share of, and others were never written: its
   * creation was interrupted, or those stores are lost. Changes nothing.
   */
  static async begun(stores: readonly RootStore[]): Promise<string | undefined> {
    const present = await loadAll(stores);
    for (const slot of present.flatMap((held) => held ?? [])) slot.share.wipe();
    return present.some((held) => held === undefined) ? begunRootId(present) : undefined;
  }

  /**
   * Makes the first root, or gives the one that was {@link begun} the shares that it lacks: those
   * that are there stay. Throws {@link RootStoreError} when the stores hold anything else.
   */
  static async create(stores: readonly RootStore[]): Promise<ErasableRoot> {
    const present = await loadAll(stores);
    for (const slot of present.flatMap((held) => held ?? [])) slot.share.wipe();
    const isEmpty = present.every((held) => held === undefined);
    const rootId = isEmpty ? base64url(randomBytes(ROOT_ID_BYTES)) : begunRootId(present);
    if (rootId === undefined)
      throw new RootStoreError(`${namesOf(stores)} hold shares already; nothing was written`);
    const first = draw({ rootId, epoch: FIRST_EPOCH, escrowedUntilMs: 0 }, stores.length);
    first.key.wipe();
    await stageAll(
      stores.filter((_, at) => present[at] === undefined),
      first.slots.filter((_, at) => present[at] === undefined),
    );
    const root = await ErasableRoot.open(stores);
    if (root === undefined) throw new RootStoreError(missingShare(stores, present));
    return root;
  }

  get epoch(): number {
    return this.#epoch;
  }

  /** Whether nothing was ever erased: the database may not hold its tree yet. */
  get isFirst(): boolean {
    return this.#epoch === FIRST_EPOCH;
  }

  /** Until when somebody may hold a copy of this root or an earlier one; 0 when nobody ever might. */
  get escrowedUntilMs(): number {
    return this.#escrowedUntilMs;
  }

  /** Whether a store was added that holds no share yet: the next root will have one there. */
  get lacksShares(): boolean {
    return this.#shareCount < this.#stores.length;
  }

  /** The key of the tree's top node; lent, never to be wiped by the caller. */
  get key(): SecretBytes {
    return this.#key;
  }

  /** Tombstone hash of the root: SHA-256("rc" ‖ root), base64url. */
  get tombstone(): string {
    return this.#key.use((key) => base64url(sha256('rc', key)));
  }

  /** A fresh root of the next epoch: random, and a function of nothing that was before. */
  draw(changes: { readonly escrowedUntilMs?: number } = {}): NextRoot {
    const { rootId } = this;
    // A copy that was allowed before exists until its own end, whatever is allowed now.
    const escrowedUntilMs = Math.max(this.#escrowedUntilMs, changes.escrowedUntilMs ?? 0);
    const epoch = this.#highestEpoch + 1;
    return draw({ rootId, epoch, escrowedUntilMs }, this.#stores.length);
  }

  /** Writes the shares of the next root beside the current ones: durable in every store on return. */
  async stage(next: NextRoot): Promise<void> {
    this.#highestEpoch = next.epoch;
    await stageAll(this.#stores, next.slots);
    this.#key.wipe();
    this.#key = next.key;
    this.#epoch = next.epoch;
    this.#shareCount = next.slots.length;
    this.#escrowedUntilMs = next.slots[0]?.escrowedUntilMs ?? 0;
  }

  /**
   * Overwrites every share but those of the current root, durably and in every store: of an earlier
   * one, or of a later one that was never committed. Irreversible; may be repeated.
   */
  async forget(): Promise<void> {
    const holders = this.#stores.slice(0, this.#shareCount);
    await allOf(holders.map((store) => store.wipe({ epoch: this.#epoch })));
  }

  /** Wipes the root from memory; the stores keep it. */
  drop(): void {
    this.#key.wipe();
  }
}

interface Committed {
  readonly rootId: string;
  readonly epoch: number;
  readonly highestEpoch: number;
  readonly shareCount: number;
  readonly escrowedUntilMs: number;
  readonly key: SecretBytes;
}

/**
 * The committed root: of the highest epoch whose shares are all there. One that lacks a share was
 * being staged when the process ended, and nothing depends on it yet.
 */
async function readCommitted(stores: readonly RootStore[]): Promise<Committed | undefined> {
  const present = await loadAll(stores);
  const slots = present.flatMap((held) => held ?? []);
  try {
    const [first] = slots;
    if (first === undefined) return undefined;
    if (slots.some((slot) => slot.rootId !== first.rootId))
      throw new RootStoreError(
        `${namesOf(stores)} hold shares of different roots; name the stores that belong together`,
      );
    const epochs = [...new Set(slots.map((slot) => slot.epoch))].sort((a, b) => b - a);
    for (const epoch of epochs) {
      const shares = sharesOf(present, epoch);
      if (shares !== undefined)
        return {
          rootId: first.rootId,
          epoch,
          highestEpoch: epochs[0] ?? epoch,
          shareCount: shares.length,
          escrowedUntilMs: shares[0]?.escrowedUntilMs ?? 0,
          key: rootKeyOf(shares.map((slot) => slot.share)),
        };
    }
    throw new RootStoreError(missingShare(stores, present));
  } finally {
    for (const slot of slots) slot.share.wipe();
  }
}

/** The shares of an epoch in their order; undefined unless every one is in the store of its place. */
function sharesOf(
  present: readonly (readonly RootSlot[] | undefined)[],
  epoch: number,
): readonly RootSlot[] | undefined {
  const shares = present.flatMap((held, at) => {
    const slot = held?.find((candidate) => candidate.epoch === epoch);
    return slot?.shareIndex === at ? [slot] : [];
  });
  return shares.length > 0 && shares.length === shares[0]?.shareCount ? shares : undefined;
}

function missingShare(
  stores: readonly RootStore[],
  present: readonly (readonly RootSlot[] | undefined)[],
): string {
  const absent = stores.filter((_, at) => present[at] === undefined);
  const held = present.flatMap((slots) => slots ?? []);
  const count = Math.max(...held.map((slot) => slot.shareCount));
  if (absent.length > 0)
    return `${namesOf(absent)} holds no share of the root; put it back, or no template of this store opens`;
  if (count > stores.length)
    return `the root has ${count.toString()} shares, but only ${namesOf(stores)} is named; name all of its stores, in their order`;
  return `${namesOf(stores)} hold shares of different epochs or in another order: one was put back from a copy; put the newest of each in its place`;
}

function namesOf(stores: readonly RootStore[]): string {
  return stores.map((store) => store.name).join(', ');
}

/** The root of which each store holds its share of the first epoch, or nothing yet. */
function begunRootId(present: readonly (readonly RootSlot[] | undefined)[]): string | undefined {
  const slots = present.flatMap((held) => held ?? []);
  const [first] = slots;
  const isBegun = slots.every(
    ({ rootId, epoch, shareCount, shareIndex }) =>
      rootId === first?.rootId &&
      epoch === FIRST_EPOCH &&
      shareCount === present.length &&
      present[shareIndex]?.some((slot) => slot.shareIndex === shareIndex),
  );
  return isBegun ? first?.rootId : undefined;
}

/** Wipes the shares, whatever becomes of it. */
async function stageAll(stores: readonly RootStore[], slots: readonly RootSlot[]): Promise<void> {
  try {
    await allOf(
      stores.map(async (store, at) => {
        const slot = slots[at];
        if (slot !== undefined) await store.stage(slot);
      }),
    );
  } finally {
    for (const slot of slots) slot.share.wipe();
  }
}

function draw(
  of: { rootId: string; epoch: number; escrowedUntilMs: number },
  shareCount: number,
): NextRoot {
  const slots = Array.from({ length: shareCount }, (_, shareIndex) => ({
    ...of,
    shareCount,
    shareIndex,
    share: SecretBytes.random(SHARE_BYTES),
  }));
  return { epoch: of.epoch, slots, key: rootKeyOf(slots.map((slot) => slot.share)) };
}

async function loadAll(
  stores: readonly RootStore[],
): ReturnType<typeof allOf<readonly RootSlot[] | undefined>> {
  return await allOf(stores.map((store) => store.load()));
}

/** Waits for all, whatever becomes of one: nothing goes on in a store after its caller has failed. */
async function allOf<T>(calls: readonly Promise<T>[]): Promise<T[]> {
  const outcomes = await Promise.allSettled(calls);
  return outcomes.map((outcome) => {
    if (outcome.status === 'rejected') throw outcome.reason;
    return outcome.value;
  });
}
