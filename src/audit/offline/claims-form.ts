import type { ErasureScope, ReceiptClaims } from './receipt-claims.js';

/** The end of the year 9999, Unix seconds: later times have no common spelling. */
const TIME_LIMIT_SECONDS = 253_402_300_799;
/** Tombstones of one kind (`audit/leaf.ts`). */
const HASHES_LIMIT = 16;

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;
/** A web address without path. */
const ORIGIN = /^https?:\/\/[!-.0-~]{1,300}$/;
const TENANT = /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/;
/** As in `schemas/subject-id.json`. */
const SUBJECT = /^[A-Za-z0-9._-]{1,128}$/;
/** As in `schemas/safe-text.json`. */
const SAFE_TEXT = /^[\p{L}\p{M}\p{N} _.:/@+#()-]{1,128}$/u;
/** 32 bytes in base64url, in their one spelling. */
const HASH = /^[A-Za-z0-9_-]{42}[AEIMQUYcgkosw048]$/;

/** Every member has one check: a member that is added to the type does not compile without it. */
const CHECKS: Record<keyof ReceiptClaims, (value: unknown) => boolean> = {
  iss: fits(ORIGIN),
  aud: fits(TENANT),
  jti: fits(UUID),
  iat: isTime,
  sub: fits(SUBJECT),
  sid: fits(UUID),
  txn: fits(SAFE_TEXT),
  auditTag: fits(SAFE_TEXT),
  status: (value) => value === 'deleted',
  scope: isScope,
  method: (value) => value === 'ce/keytree-v1',
  epoch: isCount,
  irrecoverableBy: isTime,
  rc: isHashList,
  dc: isHashList,
  k: fits(HASH),
};
const REQUIRED = ['iss', 'aud', 'jti', 'iat', 'sub', 'status', 'scope', 'method', 'epoch', 'k'];

const SCOPE_CHECKS: Record<keyof ErasureScope, (value: unknown) => boolean> = {
  templates: isCount,
  sessions: isCount,
  webhooks: isCount,
};

/**
 * Whether a value is exactly the claims of a receipt: the required members, no unknown ones, each of
 * its form. Every text in them is safe to show.
 */
export function areReceiptClaims(value: unknown): value is ReceiptClaims {
  return hasForm(value, CHECKS, REQUIRED);
}

function isScope(value: unknown): boolean {
  return hasForm(value, SCOPE_CHECKS, Object.keys(SCOPE_CHECKS));
}

function hasForm(
  value: unknown,
  checks: Record<string, (member: unknown) => boolean>,
  required: readonly string[],
): boolean {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return false;
  const checkOf = new Map(Object.entries(checks));
  const members = Object.entries(value);
  const names = new Set(members.map(([name]) => name));
  return (
    required.every((name) => names.has(name)) &&
    members.every(([name, member]) => checkOf.get(name)?.(member) === true)
  );
}

function isHashList(value: unknown): boolean {
  return (
    Array.isArray(value) &&
    value.length > 0 &&
    value.length <= HASHES_LIMIT &&
    value.every(fits(HASH))
  );
}

function isTime(value: unknown): boolean {
  return isCount(value) && Number(value) <= TIME_LIMIT_SECONDS;
}

function isCount(value: unknown): boolean {
  return Number.isSafeInteger(value) && Number(value) >= 0;
}

function fits(pattern: RegExp): (value: unknown) => boolean {
  return (value) => typeof value === 'string' && pattern.test(value);
}
