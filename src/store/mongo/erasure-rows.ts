import { Schema } from 'mongoose';
import type { Erasure } from '../../erasure/erasure-store.js';
import { number, object, oneOf, optional, text, texts } from './fields.js';
import { type Held, REQUIRED_NUMBER, REQUIRED_TEXT, STRICT, type Written } from './schema.js';

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
    intent: { uuid: String, keyIds: { type: [String], default: undefined } },
    requestedAtMs: REQUIRED_NUMBER,
    completedAtMs: Number,
    irrecoverableAtMs: Number,
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
  };
}

function toIntent(row: object, name: string): NonNullable<Erasure['intent']> {
  const intent = object(row, name);
  return { uuid: text(intent, 'uuid'), keyIds: texts(intent, 'keyIds') };
}
