import { Schema } from 'mongoose';
import type { BucketKey } from '../../vault/buckets/bucket-key-store.js';
import { bytes, number, text } from './fields.js';
import { REQUIRED_BYTES, REQUIRED_NUMBER, REQUIRED_TEXT, STRICT, type Written } from './schema.js';

/** `_id` is the bucket. */
export type BucketKeyRow = Omit<BucketKey, 'bucket'> & Written & { readonly _id: string };

export const bucketKeySchema = new Schema(
  {
    _id: REQUIRED_TEXT,
    writeId: REQUIRED_TEXT,
    keyId: REQUIRED_TEXT,
    sealedKey: REQUIRED_BYTES,
    createdAtMs: REQUIRED_NUMBER,
  },
  STRICT,
);

export function toBucketKey(row: object): BucketKey {
  return {
    bucket: text(row, '_id'),
    keyId: text(row, 'keyId'),
    sealedKey: bytes(row, 'sealedKey'),
    createdAtMs: number(row, 'createdAtMs'),
  };
}
