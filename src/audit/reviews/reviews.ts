import type { Sealer } from '../../crypto/sealer.js';
import { ServiceError } from '../../errors/service-error.js';
import { parseBase64url, utf8, utf8Text } from '../../lib/bytes.js';
import { monthlyBuckets } from '../../vault/buckets/bucket-calendar.js';
import { BucketKeys } from '../../vault/buckets/bucket-keys.js';
import type { Vault } from '../../vault/vault.js';
import { parseLeaf } from '../leaf.js';
import { detailsCommitment, type ReviewContent, type ReviewSealer } from './record.js';
import type { Review } from './review-store.js';
import { type ShredDeps, shredOutdatedReviews } from './shred-reviews.js';

const CALENDAR = monthlyBuckets('review');

/** The bucket of records without personal data, which does not end. */
const SERVICE = 'service';

/** What the sealed bytes are: no record opens as the claims of a receipt. */
type Kind = 'review' | 'receipt';

/** Bytes sealed under the key of a bucket for one entry of the log. */
interface SealedIn {
  readonly bucket: string;
  readonly entryId: string;
  readonly sealed: Uint8Array;
}

/**
 * Seals and opens what is kept of who asked, in a bucket for each month (UTC). The key of a bucket is
 * sealed in the vault. Sealed bytes are of AES-256-GCM (`crypto/seal.ts`); their associated data are
 * the kind, the bucket and the entry id.
 */
export interface Reviews extends ReviewSealer {
  /** Makes sure that the keys of this month and the next are in memory. Costs nothing when they are. */
  prepare(): Promise<void>;
  /**
   * Seals the claims of a receipt in the month of this time; when its key is not in memory, in the
   * newest month whose key is. Throws UNAVAILABLE when none is, as does `seal`.
   */
  sealIn(atMs: number, entryId: string, claims: Uint8Array): Pick<SealedIn, 'bucket' | 'sealed'>;
  /** Undefined when the key of the bucket is gone. Throws SealBroken when the bytes are not of this entry. */
  openIn(claims: SealedIn): Promise<Uint8Array | undefined>;
  /**
   * Undefined when the key of the bucket is gone. Throws SealBroken when the record is not of this
   * entry, INTERNAL when it does not fit the commitment of its leaf or is listed under another tenant.
   */
  open(review: Review): Promise<ReviewContent | undefined>;
  /** See `shred-reviews.ts`. */
  shredOutdated(nowMs: number, keptMonths: number): Promise<readonly string[]>;
  /** Wipes the keys in memory. */
  close(): void;
}

interface Deps extends Omit<ShredDeps, 'keys' | 'calendar'> {
  readonly vault: Pick<Vault, 'seal' | 'open' | 'shredScope'>;
  readonly sealer: Sealer;
}

/** Opens the review records of a store, with the keys of this month and the next. */
export async function openReviews(deps: Deps): Promise<Reviews> {
  const keys = new BucketKeys(deps, {
    calendar: CALENDAR,
    ownerId: 'lethe/reviews',
    content: 'review records',
  });
  await keys.prepare();

  function seal(kind: Kind, atMs: number, entryId: string, content: Uint8Array) {
    const at = keys.sealerAt(atMs);
    return { bucket: at.bucket, sealed: at.sealer.seal(content, kind, at.bucket, entryId) };
  }

  async function open(kind: Kind, { bucket, entryId, sealed }: SealedIn) {
    const openWith = (sealer: Sealer) => sealer.open(sealed, kind, bucket, entryId);
    if (bucket === SERVICE) return openWith(deps.sealer);
    return await keys.withSealer(bucket, openWith);
  }

  return {
    prepare: () => keys.prepare(),
    seal: (atMs, entryId, content) => seal('review', atMs, entryId, printContent(content)),
    sealIn: (atMs, entryId, claims) => seal('receipt', atMs, entryId, claims),
    openIn: (claims) => open('receipt', claims),
    open: async (review) => {
      const opened = await open('review', review);
      return opened && checked(review, JSON.parse(utf8Text(opened)) as ReviewContent);
    },
    shredOutdated: async (nowMs, keptMonths) => {
      const ended = await shredOutdatedReviews(
        { ...deps, keys, calendar: CALENDAR },
        nowMs,
        keptMonths,
      );
      // A clock that runs ahead may have taken the keys that are in use.
      await keys.prepare();
      return ended;
    },
    close: () => {
      keys.forget(() => true);
    },
  };
}

/**
 * Seals records that hold no personal data under the service key, into a bucket that does not end:
 * for commands, which have no vault.
 */
export function serviceReviews(sealer: Sealer): ReviewSealer {
  return {
    seal: (_atMs, entryId, content) => ({
      bucket: SERVICE,
      sealed: sealer.seal(printContent(content), 'review', SERVICE, entryId),
    }),
  };
}

function printContent(content: ReviewContent): Uint8Array {
  return utf8(JSON.stringify(content));
}

function checked(review: Review, content: ReviewContent): ReviewContent {
  const { leaf, k, details } = content;
  const secret = parseBase64url(k);
  const commitment = secret && detailsCommitment(secret, details);
  if (commitment === undefined || parseLeaf(leaf)?.cm !== commitment)
    throw damaged('does not fit the commitment of its leaf');
  if (details.tenantId !== review.tenantId) throw damaged('is listed under another tenant');
  return content;
}

function damaged(how: string): ServiceError {
  const detail = `a review record in the database ${how}: put its row back from a backup`;
  return new ServiceError('INTERNAL', { detail });
}
