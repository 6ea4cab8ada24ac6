import { timeOrderedId } from '../lib/ids.js';

const UUID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

/** Throws a TypeError for an id that is no UUID in its one spelling: it would not sort by time. */
export function requireEntryId(entryId: string): void {
  if (!UUID.test(entryId)) throw new TypeError('the id of a log entry is not a UUID');
}

/** What all ids begin with that were made at this time, `0190163d-8694`: it sorts right before them. */
export function timePrefix(atMs: number): string {
  return timeOrderedId(atMs).slice(0, 13);
}
