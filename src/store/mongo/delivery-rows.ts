import { Schema } from 'mongoose';
import type { Delivery } from '../../callbacks/delivery-store.js';
import { bytes, number, oneOf, optional, text } from './fields.js';
import { REQUIRED_BYTES, REQUIRED_NUMBER, REQUIRED_TEXT, STRICT, type Written } from './schema.js';

export type DeliveryRow = Omit<Delivery, 'deliveryId'> &
  Written & {
    readonly _id: string;
    /** The claim that holds the row; 0 and no id when none does. */
    readonly leaseId?: string;
    readonly leaseUntilMs: number;
  };

const STATES: readonly Delivery['state'][] = ['pending', 'delivered', 'failed'];
const EVENT_TYPES: readonly Delivery['eventType'][] = ['session.ended'];
export const FREE = 0;

export const deliverySchema = new Schema(
  {
    _id: REQUIRED_TEXT,
    writeId: REQUIRED_TEXT,
    tenantId: REQUIRED_TEXT,
    sessionId: REQUIRED_TEXT,
    erasureId: String,
    eventType: { ...REQUIRED_TEXT, enum: EVENT_TYPES },
    destination: REQUIRED_TEXT,
    sealedCallback: REQUIRED_BYTES,
    sealedBody: REQUIRED_BYTES,
    state: { ...REQUIRED_TEXT, enum: STATES },
    attempts: REQUIRED_NUMBER,
    createdAtMs: REQUIRED_NUMBER,
    dueAtMs: REQUIRED_NUMBER,
    firstAttemptedAtMs: Number,
    lastOutcome: String,
    endedAtMs: Number,
    leaseId: String,
    leaseUntilMs: REQUIRED_NUMBER,
  },
  STRICT,
);
deliverySchema.index({ sessionId: 1, eventType: 1 }, { unique: true });
deliverySchema.index({ state: 1, dueAtMs: 1 });
deliverySchema.index({ leaseId: 1 });
deliverySchema.index({ endedAtMs: 1 });

export function toDelivery(row: object): Delivery {
  return {
    deliveryId: text(row, '_id'),
    tenantId: text(row, 'tenantId'),
    sessionId: text(row, 'sessionId'),
    ...optional(text, row, 'erasureId'),
    eventType: oneOf(EVENT_TYPES)(row, 'eventType'),
    destination: text(row, 'destination'),
    sealedCallback: bytes(row, 'sealedCallback'),
    sealedBody: bytes(row, 'sealedBody'),
    state: oneOf(STATES)(row, 'state'),
    attempts: number(row, 'attempts'),
    createdAtMs: number(row, 'createdAtMs'),
    dueAtMs: number(row, 'dueAtMs'),
    ...optional(number, row, 'firstAttemptedAtMs'),
    ...optional(text, row, 'lastOutcome'),
    ...optional(number, row, 'endedAtMs'),
  };
}
