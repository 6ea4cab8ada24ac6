import type { ReviewStore } from '../../audit/reviews/review-store.js';
import { insertOnce, removeSome } from './once.js';
import { type ReviewKeyRow, toReview, toReviewKey } from './review-rows.js';
import type { Scope } from './scope.js';

export function reviewStore(scope: Scope): ReviewStore {
  const { options } = scope;
  const { reviews, reviewKeys } = scope.collections;

  return {
    async list({ tenantId, beforeEntryId, limit }) {
      const filter = {
        tenantId,
        ...(beforeEntryId !== undefined && { _id: { $lt: beforeEntryId } }),
      };
      const page = { ...options, sort: { _id: -1 }, limit } as const;
      const rows = await scope.call(() => reviews.find(filter, page).toArray());
      return rows.map(toReview);
    },
    removeBucket: (bucket, limit) =>
      removeSome(scope, { collection: reviews, which: { bucket }, limit }),
    async listKeys() {
      const sorted = { ...options, sort: { _id: 1 } } as const;
      const rows: ReviewKeyRow[] = await scope.call(() => reviewKeys.find({}, sorted).toArray());
      return rows.map(toReviewKey);
    },
    insertKey({ bucket, ...members }) {
      const row = { _id: bucket, ...members };
      return insertOnce(scope, { collection: reviewKeys, row, keys: { _id: bucket } });
    },
    async removeKey(bucket) {
      await scope.call(() => reviewKeys.deleteOne({ _id: bucket }, options));
    },
  };
}
