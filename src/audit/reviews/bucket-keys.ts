import { createSealer, type Sealer } from '../../crypto/sealer.js';
import { SecretBytes } from '../../crypto/secret-bytes.js';
import { ServiceError } from '../../errors/service-error.js';
import type { Clock } from '../../lib/clock.js';
import type { TemplateOwner, Vault } from '../../vault/vault.js';
import { bucketAfter, bucketOf } from './review-months.js';
import type { ReviewKey, ReviewStore } from './review-store.js';

const KEY_BYTES = 32;
/** Owns the keys of buckets in the vault; no tenant can have this name. */
const OWNER_ID = 'lethe/reviews';

interface Deps {
  readonly store: { readonly reviews: ReviewStore };
  readonly vault: Pick<Vault, 'seal' | 'open'>;
  readonly clock: Clock;
}

/** The keys of the buckets of review records: sealed in the store, those in use also in memory. */
export class BucketKeys {
  readonly #deps: Deps;
  /** By bucket. */
  readonly #held = new Map<string, { readonly key: SecretBytes; readonly sealer: Sealer }>();

  constructor(deps: Deps) {
    this.#deps = deps;
  }

  /**
   * Makes sure that the keys of this month and of the next one exist and are in memory; costs nothing
   * when they are. Of several processes that make one at a time, all take the one that was stored first.
   */
  async prepare(): Promise<void> {
    const nowMs = this.#deps.clock.nowMs();
    for (const bucket of [bucketOf(nowMs), bucketAfter(nowMs)])
      if (!this.#held.has(bucket)) await this.#prepare(bucket);
  }

  /**
   * The bucket to seal in at this time: its month, or the newest month whose key is in memory. Throws
   * UNAVAILABLE when none is.
   */
  sealerAt(atMs: number): { readonly bucket: string; readonly sealer: Sealer } {
    const month = bucketOf(atMs);
    const bucket = this.#held.has(month) ? month : [...this.#held.keys()].sort().at(-1);
    const held = bucket === undefined ? undefined : this.#held.get(bucket);
    if (bucket === undefined || held === undefined)
      throw new ServiceError('UNAVAILABLE', {
        detail:
          'there is no key for review records: the key tree must be the newest there is, and the vault must answer',
      });
    return { bucket, sealer: held.sealer };
  }

  /** What opens a bucket, from the vault where it is not in memory; undefined when its key is gone. */
  async sealerOf(bucket: string): Promise<Sealer | undefined> {
    return this.#held.get(bucket)?.sealer ?? (await this.#load(bucket));
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
    await this.#load(bucket);
  }

  /** False when another process has stored one: then this one opens nothing, and ends with its bucket. */
  async #make(bucket: string): Promise<boolean> {
    const { store, vault, clock } = this.#deps;
    const key = SecretBytes.random(KEY_BYTES);
    let isStored = false;
    try {
      const { keyId, sealedTemplate } = await vault.seal(ownerOf(bucket), key, { bucket });
      const createdAtMs = clock.nowMs();
      const row = { bucket, keyId, sealedKey: sealedTemplate, createdAtMs };
      isStored = await store.reviews.insertKey(row);
    } finally {
      if (!isStored) key.wipe();
    }
    if (isStored) this.#hold(bucket, key);
    return isStored;
  }

  async #load(bucket: string): Promise<Sealer | undefined> {
    const stored = await this.#find(bucket);
    if (stored === undefined) return undefined;
    const { keyId, sealedKey } = stored;
    const sealed = { ...ownerOf(bucket), keyId, sealedTemplate: sealedKey };
    const [key] = await this.#deps.vault.open([sealed]);
    return key && this.#hold(bucket, key);
  }

  async #find(bucket: string): Promise<ReviewKey | undefined> {
    const keys = await this.#deps.store.reviews.listKeys();
    return keys.find((key) => key.bucket === bucket);
  }

  /** The key that came first stays: of one bucket all are the same. */
  #hold(bucket: string, key: SecretBytes): Sealer {
    const held = this.#held.get(bucket);
    if (held !== undefined) {
      key.wipe();
      return held.sealer;
    }
    const sealer = createSealer(key);
    this.#held.set(bucket, { key, sealer });
    return sealer;
  }
}

function ownerOf(bucket: string): TemplateOwner {
  return { tenantId: OWNER_ID, uuid: bucket };
}
