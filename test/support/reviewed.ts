import { type LogLeaf, parseLeaf } from '../../src/audit/leaf.js';
import type { ReviewDetails } from '../../src/audit/reviews/record.js';
import type { Context } from '../../src/context.js';

/** A leaf in the log, with what its review record says. */
export interface Reviewed extends ReviewDetails {
  readonly leaf: LogLeaf;
  readonly index: number;
}

/** The newest entries of a tenant that have their place in the log, newest first. */
export async function reviewed(
  { store, reviews }: Pick<Context, 'store' | 'reviews'>,
  { tenantId, limit }: { tenantId: string; limit: number },
): Promise<readonly Reviewed[]> {
  const found: Reviewed[] = [];
  for (const review of await store.reviews.list({ tenantId, limit })) {
    const index = await store.log.findIndex(review.entryId);
    const content = await reviews.open(review);
    const leaf = parseLeaf(content?.leaf ?? '');
    if (index === undefined || content === undefined || leaf === undefined) continue;
    found.push({ ...content.details, leaf, index });
  }
  return found;
}
