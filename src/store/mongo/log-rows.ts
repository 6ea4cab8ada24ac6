import { Schema } from 'mongoose';
import type {
  Cosignature,
  LogHead,
  LogKey,
  LogNode,
  LogSegment,
  PendingEntry,
} from '../../audit/log-store.js';
import { bytes, number, optional, text } from './fields.js';
import { REQUIRED_BYTES, REQUIRED_NUMBER, REQUIRED_TEXT, STRICT, type Written } from './schema.js';

/** `_id` is the entryId. */
export interface PendingEntryRow extends Written {
  readonly _id: string;
  readonly leaf: string;
}

/** `_id` is the start, so that two logs can never share a place. */
export interface LogSegmentRow extends Omit<LogSegment, 'start'> {
  readonly _id: number;
}

/** `_id` is `level/index`. */
export interface LogNodeRow extends LogNode {
  readonly _id: string;
}

/** `_id` is the entryId. */
export interface LogEntryRow {
  readonly _id: string;
  readonly leafIndex: number;
}

/** `_id` is the generation. */
export interface LogKeyRow extends Omit<LogKey, 'generation'>, Written {
  readonly _id: number;
}

export interface CosignatureRow extends Cosignature, Written {}

export const pendingEntrySchema = new Schema(
  { _id: REQUIRED_TEXT, writeId: REQUIRED_TEXT, leaf: REQUIRED_TEXT },
  STRICT,
);

export const logSegmentSchema = new Schema(
  {
    _id: REQUIRED_NUMBER,
    size: REQUIRED_NUMBER,
    bundle: REQUIRED_BYTES,
    frontier: REQUIRED_BYTES,
    checkpoint: REQUIRED_TEXT,
  },
  STRICT,
);

export const logNodeSchema = new Schema(
  { _id: REQUIRED_TEXT, level: REQUIRED_NUMBER, index: REQUIRED_NUMBER, hash: REQUIRED_BYTES },
  STRICT,
);
logNodeSchema.index({ level: 1, index: 1 });

export const logEntrySchema = new Schema(
  { _id: REQUIRED_TEXT, leafIndex: REQUIRED_NUMBER },
  STRICT,
);

export const logKeySchema = new Schema(
  {
    _id: REQUIRED_NUMBER,
    writeId: REQUIRED_TEXT,
    vkey: REQUIRED_TEXT,
    createdAtMs: REQUIRED_NUMBER,
    signsUntilMs: Number,
  },
  STRICT,
);

export const cosignatureSchema = new Schema(
  { writeId: REQUIRED_TEXT, size: REQUIRED_NUMBER, witness: REQUIRED_TEXT, line: REQUIRED_TEXT },
  STRICT,
);
cosignatureSchema.index({ size: 1, witness: 1 }, { unique: true });

export function toPending(row: object): PendingEntry {
  return { entryId: text(row, '_id'), leaf: text(row, 'leaf') };
}

export function toHead(row: object): LogHead {
  return {
    size: number(row, 'size'),
    frontier: bytes(row, 'frontier'),
    checkpoint: text(row, 'checkpoint'),
  };
}

export function toSegment(row: object): LogSegment {
  return { start: number(row, '_id'), bundle: bytes(row, 'bundle'), ...toHead(row) };
}

export function fromNode(node: LogNode): LogNodeRow {
  return { _id: `${node.level.toString()}/${node.index.toString()}`, ...node };
}

export function toNode(row: object): LogNode {
  return { level: number(row, 'level'), index: number(row, 'index'), hash: bytes(row, 'hash') };
}

export function toLogKey(row: object): LogKey {
  return {
    generation: number(row, '_id'),
    vkey: text(row, 'vkey'),
    createdAtMs: number(row, 'createdAtMs'),
    ...optional(number, row, 'signsUntilMs'),
  };
}

export function toCosignature(row: object): Cosignature {
  return { size: number(row, 'size'), witness: text(row, 'witness'), line: text(row, 'line') };
}
