import type { ErrorCode } from '../errors/codes.js';
import { canonicalJson } from '../lib/canonical-json.js';

const OPERATIONS = [
  'ENROLL',
  'VERIFY',
  'SIGN-IN',
  'DELETE',
  'CANCEL',
  'EXPIRE',
  'AUTHENTICATE',
  'TENANT',
  'CLIENT',
  'WEBHOOK',
  'ERASURE',
  'RETENTION',
  'LOG-KEY',
] as const;
const OUTCOMES = ['created', 'succeeded', 'failed', 'refused'] as const;

/** A leaf is at most this long, so that an entry bundle of C2SP tlog-tiles can hold it. */
export const LEAF_LIMIT_BYTES = 4_096;

/**
 * What happened. ERASURE: a key was destroyed, once for each erasure; DELETE: a request for it.
 * WEBHOOK: one was replayed or tried, or a destination enabled. RETENTION: a month's review records were destroyed. LOG-KEY: a key of the log came into use.
 */
export type AuditOperation = (typeof OPERATIONS)[number];

/**
 * One leaf of the log: `schemas/log-leaf.json`. The log is public and for ever, so a leaf holds
 * neither personal data nor a name of anybody: who and what it was about is committed to by `cm`.
 */
export interface LogLeaf {
  readonly v: 2;
  /** When, in Unix seconds, by the clock of the service. */
  readonly t: number;
  readonly op: AuditOperation;
  /** created: a session was opened; succeeded, failed: it ended; refused: nothing was done. */
  readonly outcome: (typeof OUTCOMES)[number];
  readonly code?: ErrorCode;
  /**
   * HMAC-SHA-256 under 32 random bytes that the log does not hold, base64url. Of an ERASURE over the
   * claims of its receipt (`offline/receipt-claims.ts`), else over the details of its review record
   * (`reviews/record.ts`).
   */
  readonly cm?: string;
  /** ERASURE: the epoch of the root after it; no root of an earlier epoch is kept. */
  readonly epoch?: number;
  /** ERASURE: tombstone hashes of the retired roots and of the destroyed keys (`vault/vault.ts`). */
  readonly rc?: readonly string[];
  readonly dc?: readonly string[];
  /** LOG-KEY: the Ed25519 public key, 32 bytes base64url. */
  readonly key?: string;
}

/** Every member has one check: a member that is added to the type does not compile without it. */
const CHECKS: Record<keyof LogLeaf, (value: unknown) => boolean> = {
  v: (value) => value === 2,
  t: isWholeNumber,
  op: isOneOf(OPERATIONS),
  outcome: isOneOf(OUTCOMES),
  // By form, not by table: a log outlives the codes of the version that reads it.
  code: fits(/^(?=.{1,64}$)[A-Z]+(?:_[A-Z]+)*$/),
  cm: isHash,
  epoch: isWholeNumber,
  rc: isHashList,
  dc: isHashList,
  key: isHash,
};
const CHECK_OF = new Map(Object.entries(CHECKS));
const REQUIRED = ['v', 't', 'op', 'outcome'];

/**
 * Whether a value is exactly a leaf: the required members, no unknown ones, each of its form. No
 * form has room for free text, so that none gets into the log.
 */
export function isLogLeaf(value: unknown): value is LogLeaf {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return false;
  const members = Object.entries(value);
  const names = new Set(members.map(([name]) => name));
  return (
    REQUIRED.every((name) => names.has(name)) &&
    members.every(([name, member]) => CHECK_OF.get(name)?.(member) === true)
  );
}

/**
 * The bytes of a leaf as text: its canonical JSON (RFC 8785). Throws a TypeError for what is no leaf.
 *
 * ```text
 * {"cm":"pB1ZK…","op":"DELETE","outcome":"succeeded","t":1893456000,"v":2}
 * ```
 */
export function leafText(leaf: LogLeaf): string {
  const text = canonicalJson(leaf);
  if (!isLogLeaf(leaf) || text.length > LEAF_LIMIT_BYTES)
    throw new TypeError(`a log leaf of ${String((leaf as Partial<LogLeaf>).op)} is malformed`);
  return text;
}

/** Reads exactly what {@link leafText} writes; undefined for anything else. */
export function parseLeaf(text: string): LogLeaf | undefined {
  if (text.length > LEAF_LIMIT_BYTES) return undefined;
  try {
    const value: unknown = JSON.parse(text);
    return isLogLeaf(value) && canonicalJson(value) === text ? value : undefined;
  } catch {
    return undefined;
  }
}

function isHashList(value: unknown): boolean {
  return Array.isArray(value) && value.length > 0 && value.length <= 16 && value.every(isHash);
}

/** 32 bytes in base64url, in their one spelling: of the last character two bits carry nothing. */
function isHash(value: unknown): boolean {
  return typeof value === 'string' && /^[A-Za-z0-9_-]{42}[AEIMQUYcgkosw048]$/.test(value);
}

function isWholeNumber(value: unknown): boolean {
  return Number.isSafeInteger(value) && Number(value) >= 0;
}

function isOneOf(values: readonly string[]): (value: unknown) => boolean {
  return (value) => typeof value === 'string' && values.includes(value);
}

function fits(pattern: RegExp): (value: unknown) => boolean {
  return (value) => typeof value === 'string' && pattern.test(value);
}
