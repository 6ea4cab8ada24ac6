import { createHmac, randomBytes } from 'node:crypto';
import { base64url, utf8 } from '../../lib/bytes.js';
import { canonicalJson } from '../../lib/canonical-json.js';
import { type Clock, SECOND_MS } from '../../lib/clock.js';
import { timeOrderedId } from '../../lib/ids.js';
import { type LogLeaf, leafText } from '../leaf.js';
import type { PendingEntry } from '../log-store.js';
import type { Review } from './review-store.js';

/** What an entry was about: everything that the log itself must not hold. */
export interface ReviewDetails {
  readonly tenantId?: string | undefined;
  readonly clientId?: string | undefined;
  /** Of a session that has ended: until then whoever knows it may act in it. */
  readonly sessionId?: string | undefined;
  readonly erasureId?: string | undefined;
  /** WEBHOOK: what was sent again. */
  readonly deliveryId?: string | undefined;
  /** WEBHOOK: where it goes, or what was enabled. */
  readonly origin?: string | undefined;
  readonly transactionID?: string | undefined;
  readonly auditTag?: string | undefined;
  /** What the client said of the device. */
  readonly deviceInfo?: Readonly<Record<string, string | number | boolean | undefined>> | undefined;
}

/** The content of a review record. */
export interface ReviewContent {
  /** The leaf that it explains, as text. */
  readonly leaf: string;
  /** 32 random bytes, base64url: the key of the leaf's commitment. */
  readonly k: string;
  readonly details: ReviewDetails;
}

/** Seals review records; see `reviews.ts`. */
export interface ReviewSealer {
  /** Into the bucket of the month of this time. */
  seal(atMs: number, entryId: string, content: ReviewContent): Pick<Review, 'bucket' | 'sealed'>;
}

/** What the caller knows of an entry. */
export interface Happening extends Pick<LogLeaf, 'op' | 'outcome'>, ReviewDetails {
  readonly code?: LogLeaf['code'] | undefined;
}

/**
 * An entry of this moment, ready to be appended in the transaction of the state change that it tells
 * of: a leaf that commits to the details, and the details in a sealed review record. Throws a
 * TypeError when a member is not of its form. Pass nothing but what the service made or found: what
 * an unauthenticated caller claims to be is no part of the log.
 */
export function newEntry(
  deps: { clock: Clock; reviews: ReviewSealer },
  { op, outcome, code, ...details }: Happening,
): PendingEntry & { readonly review: Review } {
  const nowMs = deps.clock.nowMs();
  const entryId = timeOrderedId(nowMs);
  const k = randomBytes(32);
  const leaf = leafText({
    v: 2,
    t: Math.floor(nowMs / SECOND_MS),
    op,
    outcome,
    ...(code !== undefined && { code }),
    cm: detailsCommitment(k, details),
  });
  const { tenantId } = details;
  const sealed = deps.reviews.seal(nowMs, entryId, { leaf, k: base64url(k), details });
  return {
    entryId,
    leaf,
    review: { entryId, ...(tenantId !== undefined && { tenantId }), ...sealed },
  };
}

/** HMAC-SHA-256 under `k` over the canonical JSON (RFC 8785) of the details: 32 bytes, base64url. */
export function detailsCommitment(k: Uint8Array, details: ReviewDetails): string {
  return base64url(
    createHmac('sha256', k)
      .update(utf8(canonicalJson(details)))
      .digest(),
  );
}
