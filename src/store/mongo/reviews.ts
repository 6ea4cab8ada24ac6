import type { ReviewStore } from '../../audit/reviews/review-store.js';
import { removeSome } from './once.js';
import { toReview } from './review-rows.js';
import type { Scope } from './scope.js';

export function reviewStore(scope: Scope): ReviewStore {
  const { options } = scope;
  const { reviews } = scope.collections;

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
  };
}
