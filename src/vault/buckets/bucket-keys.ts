import { createSealer, type Sealer } from '../../crypto/sealer.js';
import { SecretBytes } from '../../crypto/secret-bytes.js';
import { ServiceError } from '../../errors/service-error.js';
import type { Clock } from '../../lib/clock.js';
import type { TemplateOwner, Vault } from '../vault.js';
import type { BucketCalendar } from './bucket-calendar.js';
import type { BucketKey, BucketKeyStore } from './bucket-key-store.js';

const KEY_BYTES = 32;
/** Keys in memory: this period's, the next one's, and those that were used last. */
const MOST_HELD = 16;
/** How many periods away a bucket may be that is sealed in: what lies in it ends so much earlier or later. */
const MOST_AWAY = 5;

/** Whose buckets they are. */
export interface BucketKind {
  readonly calendar: BucketCalendar;
  /** Owns the keys in the vault; contains a slash, as no tenant's id does. */
  readonly ownerId: string;
  /** What is sealed in them, e.g. `review records`, for the log. */
  readonly content: string;
}

interface Deps {
  readonly store: { readonly bucketKeys: BucketKeyStore };
  readonly vault: Pick<Vault, 'seal' | 'open'>;
  readonly clock: Clock;
}

interface Held {
  readonly key: SecretBytes;
  readonly sealer: Sealer;
}

/** The keys of the buckets of a calendar: sealed in the store, those in use also in memory. */
export class BucketKeys {
  readonly #deps: Deps;
  readonly #kind: BucketKind;
  /** By bucket; the one that was used last comes last. */
  readonly #held = new Map<string, Held>();

  constructor(deps: Deps, kind: BucketKind) {
    this.#deps = deps;
    this.#kind = kind;
  }

  /**
   * Makes sure that the keys of this period and of the next one exist and are in memory; costs nothing
   * when they are. Of several processes that make one at a time, all take the one that was stored first.
   */
  async prepare(): Promise<void> {
    for (const bucket of this.#current()) if (!this.#held.has(bucket)) await this.#prepare(bucket);
  }

  /**
   * The bucket to seal in at this time: its own; when that is not in memory, because the clock stepped
   * or the vault was away, the newest of those close to it that are. Throws UNAVAILABLE when there is none.
   */
  sealerAt(atMs: number): { readonly bucket: string; readonly sealer: Sealer } {
    const bucket = this.#heldAt(atMs);
    const sealer = bucket === undefined ? undefined : this.#use(bucket)?.sealer;
    if (bucket === undefined || sealer === undefined)
      throw new ServiceError('UNAVAILABLE', {
        detail: `there is no key for ${this.#kind.content}: the key tree must be the newest there is, and the vault must answer`,
      });
    return { bucket, sealer };
  }

  /**
   * Works with what opens a bucket, whose key comes from the vault where it is not in memory; undefined
   * when the key is gone. The sealer is of use only as long as the work lasts.
   */
  async withSealer<T>(bucket: string, work: (sealer: Sealer) => T): Promise<T | undefined> {
    const held = this.#use(bucket);
    if (held !== undefined) return work(held.sealer);
    const key = await this.#open(bucket);
    return key && work(this.#hold(bucket, key).sealer);
  }

  /** Wipes the keys of these buckets in memory. */
  forget(which: (bucket: string) => boolean): void {
    for (const [bucket, { key }] of this.#held) {
      if (!which(bucket)) continue;
      key.wipe();
      this.#held.delete(bucket);
    }
  }

  async #prepare(bucket: string): Promise<void> {
    const stored = await this.#find(bucket);
    if (stored === undefined && (await this.#make(bucket))) return;
    const key = await this.#open(bucket);
    if (key !== undefined) this.#hold(bucket, key);
  }

  /** False when another process has stored one: then this one opens nothing, and ends with its bucket. */
  async #make(bucket: string): Promise<boolean> {
    const { store, vault, clock } = this.#deps;
    const key = SecretBytes.random(KEY_BYTES);
    let isStored = false;
    try {
      const { keyId, sealedTemplate } = await vault.seal(this.#ownerOf(bucket), key, { bucket });
      const createdAtMs = clock.nowMs();
      const row = { bucket, keyId, sealedKey: sealedTemplate, createdAtMs };
      isStored = await store.bucketKeys.insert(row);
    } finally {
      if (!isStored) key.wipe();
    }
    if (isStored) this.#hold(bucket, key);
    return isStored;
  }

  async #open(bucket: string): Promise<SecretBytes | undefined> {
    const stored = await this.#find(bucket);
    if (stored === undefined) return undefined;
    const { keyId, sealedKey } = stored;
    const sealed = { ...this.#ownerOf(bucket), keyId, sealedTemplate: sealedKey };
    const [key] = await this.#deps.vault.open([sealed]);
    return key;
  }

  async #find(bucket: string): Promise<BucketKey | undefined> {
    const keys = await this.#deps.store.bucketKeys.list();
    return keys.find((key) => key.bucket === bucket);
  }

  #heldAt(atMs: number): string | undefined {
    const { calendar } = this.#kind;
    const own = calendar.bucketOf(atMs);
    if (this.#held.has(own)) return own;
    const oldest = calendar.bucketFrom(atMs, -MOST_AWAY);
    const newest = calendar.bucketFrom(atMs, MOST_AWAY);
    const close = [...this.#held.keys()].filter((each) => oldest <= each && each <= newest);
    return close.sort().at(-1);
  }

  #use(bucket: string): Held | undefined {
    const held = this.#held.get(bucket);
    if (held === undefined) return undefined;
    this.#held.delete(bucket);
    this.#held.set(bucket, held);
    return held;
  }

  /** The key that came first stays: of one bucket all are the same. */
  #hold(bucket: string, key: SecretBytes): Held {
    const first = this.#use(bucket);
    if (first !== undefined) {
      key.wipe();
      return first;
    }
    const held = { key, sealer: createSealer(key) };
    this.#held.set(bucket, held);
    this.#forgetSurplus(bucket);
    return held;
  }

  #forgetSurplus(newest: string): void {
    const needed = [...this.#current(), newest];
    const surplus = [...this.#held.keys()].filter((bucket) => !needed.includes(bucket));
    const excess = Math.max(0, this.#held.size - MOST_HELD);
    const unused = new Set(surplus.slice(0, excess));
    this.forget((bucket) => unused.has(bucket));
  }

  /** The buckets that are sealed in now and next. */
  #current(): readonly string[] {
    const { calendar } = this.#kind;
    const nowMs = this.#deps.clock.nowMs();
    return [calendar.bucketOf(nowMs), calendar.bucketFrom(nowMs, 1)];
  }

  #ownerOf(bucket: string): TemplateOwner {
    return { tenantId: this.#kind.ownerId, uuid: bucket };
  }
}
