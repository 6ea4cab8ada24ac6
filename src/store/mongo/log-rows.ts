import { Schema } from 'mongoose';
import type { AuditEntry, PendingEntry } from '../../audit/entry.js';
import type { Checkpoint, LogRecord } from '../../audit/log-store.js';
import { number, text } from './fields.js';
import { REQUIRED_NUMBER, REQUIRED_TEXT, STRICT, type Written } from './schema.js';

/** `_id` is the entryId; the entry is JSON. */
export interface PendingEntryRow extends Written {
  readonly _id: string;
  readonly entry: string;
}

/** `_id` is the sequence number, so that two chains can never share a place. */
export interface LogRecordRow extends Omit<LogRecord, 'sequence'> {
  readonly _id: number;
  /** The pending entry that it was, which is never appended again. */
  readonly entryId: string;
}

/** `_id` is the size. */
export interface CheckpointRow extends Omit<Checkpoint, 'size'> {
  readonly _id: number;
}

export const pendingEntrySchema = new Schema(
  { _id: REQUIRED_TEXT, writeId: REQUIRED_TEXT, entry: REQUIRED_TEXT },
  STRICT,
);

export const logRecordSchema = new Schema(
  { _id: REQUIRED_NUMBER, entryId: REQUIRED_TEXT, entry: REQUIRED_TEXT, hash: REQUIRED_TEXT },
  STRICT,
);
logRecordSchema.index({ entryId: 1 }, { unique: true });

export const checkpointSchema = new Schema(
  {
    _id: REQUIRED_NUMBER,
    hash: REQUIRED_TEXT,
    signedAt: REQUIRED_TEXT,
    kid: REQUIRED_TEXT,
    signature: REQUIRED_TEXT,
  },
  STRICT,
);

export function toPending(row: object): PendingEntry {
  return { entryId: text(row, '_id'), entry: JSON.parse(text(row, 'entry')) as AuditEntry };
}

export function toRecord(row: object): LogRecord {
  return { sequence: number(row, '_id'), entry: text(row, 'entry'), hash: text(row, 'hash') };
}

export function toCheckpoint(row: object): Checkpoint {
  return {
    size: number(row, '_id'),
    hash: text(row, 'hash'),
    signedAt: text(row, 'signedAt'),
    kid: text(row, 'kid'),
    signature: text(row, 'signature'),
  };
}
