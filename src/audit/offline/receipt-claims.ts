import { canonicalJson } from '../../lib/canonical-json.js';

/** How much was removed with the key. */
export interface ErasureScope {
  /** Keys of templates that were destroyed. */
  readonly templates: number;
  /** Ended sessions that forgot whom they were about. */
  readonly sessions: number;
  /** Stored webhooks that were removed. */
  readonly webhooks: number;
}

/**
 * What a receipt says of an erasure, besides the proof that it stands in the log. Member names are
 * registered JWT claims where there is one (RFC 7519, RFC 8417 `txn`, OpenID Connect `sid`).
 */
export interface ReceiptClaims {
  /** The service: its public address. */
  readonly iss: string;
  /** The tenant. */
  readonly aud: string;
  /** The erasure. */
  readonly jti: string;
  /** When the key had been destroyed, Unix seconds. */
  readonly iat: number;
  /** The subject: the uuid that was asked for. */
  readonly sub: string;
  /** The session of the request; absent when the erasure was done again after a restore. */
  readonly sid?: string;
  /** The integrator's transaction id. */
  readonly txn?: string;
  readonly auditTag?: string;
  readonly status: 'deleted';
  readonly scope: ErasureScope;
  /** The key of the template was destroyed in a key tree (`src/vault/README.md`). */
  readonly method: 'ce/keytree-v1';
  /** The epoch of the root after the erasure. */
  readonly epoch: number;
  /** Unix seconds; only while a copy of an earlier root exists in escrow: when that expires. */
  readonly irrecoverableBy?: number;
  /** Tombstone hashes; absent when nobody knew them any more when the destruction was recorded. */
  readonly rc?: readonly string[];
  readonly dc?: readonly string[];
  /** 32 random bytes, base64url: links this receipt with its leaf. Only receipts hold it. */
  readonly k: string;
}

/**
 * The text that the leaf of an erasure commits to, with HMAC-SHA-256 under `k`: the canonical JSON
 * (RFC 8785) of all claims but `k`. So everything that a receipt says was fixed when it was logged.
 */
export function committedText({ k: _, ...claims }: ReceiptClaims): string {
  return canonicalJson(claims);
}

/** The leaf of an erasure whose receipt makes these claims: canonical JSON (see `audit/leaf.ts`). */
export function erasureLeafText(claims: Omit<ReceiptClaims, 'k'>, commitment: string): string {
  const { iat, epoch, rc, dc } = claims;
  return canonicalJson({
    v: 2,
    t: iat,
    op: 'ERASURE',
    outcome: 'succeeded',
    cm: commitment,
    epoch,
    rc,
    dc,
  });
}
