import { type Clock, isoTime } from '../lib/clock.js';
import { timeOrderedId } from '../lib/ids.js';
import { type AuditEntry, isAuditEntry, type PendingEntry } from './entry.js';

type Optional = 'code' | 'tenantId' | 'clientId' | 'sessionId' | 'subject';

/** What the caller knows of an entry; a member that is undefined is left out. */
export type Happening = Pick<AuditEntry, 'op' | 'outcome'> & {
  readonly [Name in Optional]?: AuditEntry[Name] | undefined;
};

/**
 * An entry of this moment, ready to be appended in the transaction of the state change that it
 * tells of. Throws a TypeError when a member is not of its form. Pass nothing but ids that the
 * service made or found: what an unauthenticated caller claims to be is no part of the log.
 */
export function newEntry(deps: { clock: Clock }, happening: Happening): PendingEntry {
  const nowMs = deps.clock.nowMs();
  const known = Object.entries(happening).filter(([, member]) => member !== undefined);
  const entry: unknown = { v: 1, at: isoTime(nowMs), ...Object.fromEntries(known) };
  if (!isAuditEntry(entry)) throw new TypeError(`an audit entry of ${happening.op} is malformed`);
  return { entryId: timeOrderedId(nowMs), entry };
}
