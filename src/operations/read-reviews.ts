import type { Principal } from '../access/authenticate.js';
import { requireScope } from '../access/require-scope.js';
import { type AuditOperation, parseLeaf } from '../audit/leaf.js';
import type { Review } from '../audit/reviews/review-store.js';
import { isoTime, SECOND_MS } from '../lib/clock.js';
import type { ReviewList } from '../lib/messages.js';
import type { OperationDeps } from './deps.js';

const READ_AT_ONCE = 100;
/** One answer takes so many reads at most: of a rare operation a page may be short, or empty. */
const MOST_READS = 10;

type Item = ReviewList['items'][number];

/** Which records are asked for. */
export interface ReviewQuery {
  readonly limit: number;
  /** `next` of the page before. */
  readonly before?: string | undefined;
  readonly op?: AuditOperation | undefined;
}

/**
 * GET /v2/audit/entries: the review records of the caller's tenant, newest first. Those of a bucket that
 * was shredded are left out. Throws FORBIDDEN for a client without the scope audit:read.
 */
export async function readReviews(
  deps: OperationDeps,
  { principal, query }: { principal: Principal; query: ReviewQuery },
): Promise<ReviewList> {
  requireScope(principal, 'audit:read');
  const { tenantId } = principal;
  const items: Item[] = [];
  let { before } = query;
  for (let reads = 0; reads < MOST_READS; reads += 1) {
    const from = { tenantId, beforeEntryId: before };
    const page = await deps.store.reviews.list({ ...from, limit: READ_AT_ONCE });
    for (const review of page) {
      if (items.length === query.limit)
        return { items, ...(before !== undefined && { next: before }) };
      const item = await itemOf(deps, review, query.op);
      if (item !== undefined) items.push(item);
      before = review.entryId;
    }
    if (page.length < READ_AT_ONCE) return { items };
  }
  return { items, ...(before !== undefined && { next: before }) };
}

/** Undefined when the bucket was shredded, and when it is of another operation than asked for. */
async function itemOf(
  deps: OperationDeps,
  review: Review,
  op: AuditOperation | undefined,
): Promise<Item | undefined> {
  const content = await deps.reviews.open(review);
  const leaf = parseLeaf(content?.leaf ?? '');
  if (content === undefined || leaf === undefined) return undefined;
  if (op !== undefined && leaf.op !== op) return undefined;
  const { tenantId: _, ...details } = content.details;
  const leafIndex = await deps.log.findIndex(review.entryId);
  return {
    entryId: review.entryId,
    at: isoTime(leaf.t * SECOND_MS),
    op: leaf.op,
    outcome: leaf.outcome,
    ...(leaf.code !== undefined && { code: leaf.code }),
    ...(leafIndex !== undefined && { leafIndex }),
    ...(details as Partial<Item>),
  };
}
