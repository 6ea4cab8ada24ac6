import { Schema } from 'mongoose';
import type { Review } from '../../audit/reviews/review-store.js';
import { bytes, optional, text } from './fields.js';
import { REQUIRED_BYTES, REQUIRED_TEXT, STRICT, type Written } from './schema.js';

/** `_id` is the entryId. */
export type ReviewRow = Omit<Review, 'entryId'> & Written & { readonly _id: string };

export const reviewSchema = new Schema(
  {
    _id: REQUIRED_TEXT,
    writeId: REQUIRED_TEXT,
    tenantId: String,
    bucket: REQUIRED_TEXT,
    sealed: REQUIRED_BYTES,
  },
  STRICT,
);
reviewSchema.index({ tenantId: 1, _id: -1 });
reviewSchema.index({ bucket: 1 });

export function toReview(row: object): Review {
  return {
    entryId: text(row, '_id'),
    ...optional(text, row, 'tenantId'),
    bucket: text(row, 'bucket'),
    sealed: bytes(row, 'sealed'),
  };
}
