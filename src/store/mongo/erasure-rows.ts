import { Schema } from 'mongoose';
import type { Erasure, StoredReceipt } from '../../erasure/erasure-store.js';
import { bytes, number, object, oneOf, optional, text, texts } from './fields.js';
import {
  type Held,
  REQUIRED_BYTES,
  REQUIRED_NUMBER,
  REQUIRED_TEXT,
  STRICT,
  type Written,
} from './schema.js';

export type ErasureRow = Omit<Erasure, 'erasureId'> & Written & Held & { readonly _id: string };

const STATES: readonly Erasure['state'][] = ['shredding', 'completed'];
export const UNDER_WAY = 'shredding';

export const erasureSchema = new Schema(
  {
    _id: REQUIRED_TEXT,
    writeId: REQUIRED_TEXT,
    tenantId: REQUIRED_TEXT,
    subject: REQUIRED_TEXT,
    state: { ...REQUIRED_TEXT, enum: STATES },
    intent: { uuid: String, keyIds: { type: [String], default: undefined }, sessionId: String },
    requestedAtMs: REQUIRED_NUMBER,
    completedAtMs: Number,
    irrecoverableAtMs: Number,
    receipt: {
      type: new Schema(
        { entryId: REQUIRED_TEXT, bucket: REQUIRED_TEXT, sealedClaims: REQUIRED_BYTES },
        { ...STRICT, _id: false },
      ),
      required: false,
    },
    heldBy: String,
  },
  STRICT,
);
erasureSchema.index(
  { tenantId: 1, subject: 1 },
  { unique: true, name: 'one_under_way', partialFilterExpression: { state: UNDER_WAY } },
);
erasureSchema.index({ tenantId: 1, subject: 1, completedAtMs: -1 });
erasureSchema.index({ state: 1, requestedAtMs: 1 });
erasureSchema.index(
  { 'receipt.bucket': 1 },
  { partialFilterExpression: { 'receipt.bucket': { $exists: true } } },
);

export function toErasure(row: object): Erasure {
  return {
    erasureId: text(row, '_id'),
    tenantId: text(row, 'tenantId'),
    subject: text(row, 'subject'),
    state: oneOf(STATES)(row, 'state'),
    ...optional(toIntent, row, 'intent'),
    requestedAtMs: number(row, 'requestedAtMs'),
    ...optional(number, row, 'completedAtMs'),
    ...optional(number, row, 'irrecoverableAtMs'),
    ...optional(toReceipt, row, 'receipt'),
  };
}

function toIntent(row: object, name: string): NonNullable<Erasure['intent']> {
  const intent = object(row, name);
  return {
    uuid: text(intent, 'uuid'),
    keyIds: texts(intent, 'keyIds'),
    ...optional(text, intent, 'sessionId'),
  };
}

function toReceipt(row: object, name: string): StoredReceipt {
  const receipt = object(row, name);
  return {
    entryId: text(receipt, 'entryId'),
    bucket: text(receipt, 'bucket'),
    sealedClaims: bytes(receipt, 'sealedClaims'),
  };
}
