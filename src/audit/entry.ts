import type { ErrorCode } from '../errors/codes.js';

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
] as const;
const OUTCOMES = ['created', 'succeeded', 'failed', 'refused'] as const;

/** What happened. */
export type AuditOperation = (typeof OPERATIONS)[number];

/** One thing that happened, without personal data: `schemas/audit-entry.json`. */
export interface AuditEntry {
  readonly v: 1;
  /** ISO 8601, UTC, milliseconds. */
  readonly at: string;
  readonly op: AuditOperation;
  /** created: a session was opened; succeeded, failed: it ended; refused: nothing was done. */
  readonly outcome: (typeof OUTCOMES)[number];
  readonly code?: ErrorCode;
  readonly tenantId?: string;
  readonly clientId?: string;
  /** Of a session that has ended: until then whoever knows it may act in it. */
  readonly sessionId?: string;
  /** Keyed commitment of tenant and uuid: 32 bytes, base64url. */
  readonly subject?: string;
}

/** An entry that waits for its place in the log. */
export interface PendingEntry {
  /** Sorts by time; an entry is appended once under it. */
  readonly entryId: string;
  readonly entry: AuditEntry;
}

const isAccountId = fits(/^[A-Za-z0-9._-]{1,128}$/);

/** Every member has one check: a member that is added to the type does not compile without it. */
const CHECKS: Record<keyof AuditEntry, (value: unknown) => boolean> = {
  v: (value) => value === 1,
  at: isTime,
  op: isOneOf(OPERATIONS),
  outcome: isOneOf(OUTCOMES),
  // By form, not by table: a log outlives the codes of the version that reads it.
  code: fits(/^(?=.{1,64}$)[A-Z]+(?:_[A-Z]+)*$/),
  tenantId: isAccountId,
  clientId: isAccountId,
  sessionId: fits(/^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/),
  subject: fits(/^[A-Za-z0-9_-]{43}$/),
};
const CHECK_OF = new Map(Object.entries(CHECKS));
const REQUIRED = ['v', 'at', 'op', 'outcome'];

/**
 * Whether a value is exactly an entry: the required members, no unknown ones, each of its form. No
 * form has room for free text, so that none gets into the log.
 */
export function isAuditEntry(value: unknown): value is AuditEntry {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return false;
  const members = Object.entries(value);
  const names = new Set(members.map(([name]) => name));
  return (
    REQUIRED.every((name) => names.has(name)) &&
    members.every(([name, member]) => CHECK_OF.get(name)?.(member) === true)
  );
}

/** Whether a value is a time as {@link AuditEntry.at} has it: one text for each millisecond. */
export function isTime(value: unknown): value is string {
  if (typeof value !== 'string' || value.length !== 24) return false;
  const time = new Date(value);
  return !Number.isNaN(time.getTime()) && time.toISOString() === value;
}

function isOneOf(values: readonly string[]): (value: unknown) => boolean {
  return (value) => typeof value === 'string' && values.includes(value);
}

function fits(pattern: RegExp): (value: unknown) => boolean {
  return (value) => typeof value === 'string' && pattern.test(value);
}
