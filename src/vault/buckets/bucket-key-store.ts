/** The key of a bucket: 32 random bytes, sealed in the vault under a key that ends with the bucket. */
export interface BucketKey {
  readonly bucket: string;
  /** Name of the vault's key (`key-name.ts`). */
  readonly keyId: string;
  readonly sealedKey: Uint8Array;
  readonly createdAtMs: number;
}

/** Where the keys of buckets are kept, of every calendar. */
export interface BucketKeyStore {
  /** In the order of their buckets. */
  list(): Promise<readonly BucketKey[]>;
  /** Inserts a key unless its bucket has one; returns whether it did. */
  insert(key: BucketKey): Promise<boolean>;
  remove(bucket: string): Promise<void>;
}
