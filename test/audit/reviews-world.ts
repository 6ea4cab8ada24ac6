import { type Happening, newEntry } from '../../src/audit/reviews/record.js';
import type { Review } from '../../src/audit/reviews/review-store.js';
import { openReviews, type Reviews } from '../../src/audit/reviews/reviews.js';
import { createSealer } from '../../src/crypto/sealer.js';
import { SecretBytes } from '../../src/crypto/secret-bytes.js';
import type { StoredReceipt } from '../../src/erasure/erasure-store.js';
import { utf8, utf8Text } from '../../src/lib/bytes.js';
import { randomId } from '../../src/lib/ids.js';
import type { Vault } from '../../src/vault/vault.js';
import { sampleErasure, sampleExtension } from '../contract/samples.js';
import { openTestStore, type TestStore } from '../support/stores.js';
import { World } from '../vault/tree-world.js';

export const DETAILS = {
  tenantId: 'tenant',
  clientId: 'client',
  transactionID: 'order 66 of Jane',
  deviceInfo: { os: 'phone of Jane', screens: 1, isOld: false },
} as const;

type Opened = Parameters<typeof openReviews>[0];

/** The real store and the real key tree, and processes that keep review records in them. */
export class ReviewWorld {
  readonly sealer = createSealer(SecretBytes.random(32));
  readonly clock: { atMs: number; nowMs(): number };
  readonly database: TestStore;
  readonly keyTree: World;

  private constructor(parts: { database: TestStore; keyTree: World; atMs: number }) {
    this.database = parts.database;
    this.keyTree = parts.keyTree;
    this.clock = { atMs: parts.atMs, nowMs: () => this.clock.atMs };
  }

  static async at(...[year, month, day = 1]: [number, number, number?]): Promise<ReviewWorld> {
    const [database, keyTree] = [await openTestStore(), await World.started()];
    return new ReviewWorld({ database, keyTree, atMs: Date.UTC(year, month - 1, day) });
  }

  get store() {
    return this.database.store;
  }

  get vault(): Vault {
    return this.keyTree.vault;
  }

  travelTo(...[year, month, day = 1]: [number, number, number?]): void {
    this.clock.atMs = Date.UTC(year, month - 1, day);
  }

  /** One more process on the same store. */
  async open(parts: Partial<Opened> = {}): Promise<Reviews> {
    const { store, vault, sealer, clock } = this;
    return await openReviews({ store, vault, sealer, clock, ...parts });
  }

  /** Lets something happen; its leaf gets its place. */
  async happen(reviews: Reviews, happening: Partial<Happening> = {}): Promise<Review> {
    const made = { op: 'VERIFY', outcome: 'created', ...DETAILS, ...happening } as const;
    const entry = newEntry({ clock: this.clock, reviews }, made);
    await this.store.audit.append(entry);
    await this.sequence();
    return entry.review;
  }

  /** An erasure with its claims; its leaf gets its place. */
  async erase(reviews: Reviews, claims: string): Promise<StoredReceipt & { erasureId: string }> {
    const { entryId } = await this.happen(reviews, { op: 'DELETE' });
    const { bucket, sealed } = reviews.sealIn(this.clock.atMs, entryId, utf8(claims));
    const receipt = { entryId, bucket, sealedClaims: sealed };
    const erasureId = randomId();
    await this.store.erasures.start(sampleErasure({ erasureId }));
    await this.store.erasures.complete(erasureId, { completedAtMs: this.clock.atMs, receipt });
    return { ...receipt, erasureId };
  }

  async sequence(): Promise<void> {
    await this.store.log.sequence(100, sampleExtension);
  }

  /** The buckets that have a key in the store. */
  async buckets(): Promise<string[]> {
    return (await this.store.bucketKeys.list()).map(({ bucket }) => bucket);
  }

  async keyIdOf(bucket: string): Promise<string> {
    const keys = await this.store.bucketKeys.list();
    return keys.find((key) => key.bucket === bucket)!.keyId;
  }

  async destroy(): Promise<void> {
    this.keyTree.end();
    await this.database.destroy();
  }
}

/** What the sealed claims of a receipt say; undefined when they do not open any more. */
export async function claimsIn(
  reviews: Reviews,
  { bucket, entryId, sealedClaims }: StoredReceipt,
): Promise<string | undefined> {
  const opened = await reviews.openIn({ bucket, entryId, sealed: sealedClaims });
  return opened && utf8Text(opened);
}
