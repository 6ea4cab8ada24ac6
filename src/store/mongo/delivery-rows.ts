import { Schema } from 'mongoose';
import type { AttemptRecord, Delivery } from '../../callbacks/delivery-store.js';
import { bytes, number, objects, oneOf, optional, text } from './fields.js';
import { REQUIRED_BYTES, REQUIRED_NUMBER, REQUIRED_TEXT, STRICT, type Written } from './schema.js';

export type DeliveryRow = Omit<Delivery, 'deliveryId'> &
  Written & {
    readonly _id: string;
    /** When it is due, or while it is leased the end of the lease. */
    readonly claimableAtMs: number;
    /** The claim that holds the row. */
    readonly leaseId?: string;
  };

const STATES: readonly Delivery['state'][] = ['pending', 'delivered', 'failed', 'superseded'];
const EVENT_TYPES: readonly Delivery['eventType'][] = [
  'session.started',
  'session.ended',
  'webhook.test',
];

export const deliverySchema = new Schema(
  {
    _id: REQUIRED_TEXT,
    writeId: REQUIRED_TEXT,
    tenantId: REQUIRED_TEXT,
    sessionId: REQUIRED_TEXT,
    erasureId: String,
    eventType: { ...REQUIRED_TEXT, enum: EVENT_TYPES },
    origin: REQUIRED_TEXT,
    sealedCallback: REQUIRED_BYTES,
    sealedBody: REQUIRED_BYTES,
    state: { ...REQUIRED_TEXT, enum: STATES },
    attempts: REQUIRED_NUMBER,
    attemptLog: {
      type: [
        new Schema(
          { atMs: REQUIRED_NUMBER, durationMs: REQUIRED_NUMBER, outcome: REQUIRED_TEXT },
          { ...STRICT, _id: false },
        ),
      ],
      required: true,
    },
    createdAtMs: REQUIRED_NUMBER,
    dueAtMs: REQUIRED_NUMBER,
    endedAtMs: Number,
    claimableAtMs: REQUIRED_NUMBER,
    leaseId: String,
  },
  STRICT,
);
deliverySchema.index({ sessionId: 1, eventType: 1 }, { unique: true });
deliverySchema.index({ state: 1, tenantId: 1, origin: 1, claimableAtMs: 1 });
deliverySchema.index({ leaseId: 1 });
deliverySchema.index({ tenantId: 1, _id: -1 });
deliverySchema.index({ tenantId: 1, state: 1, _id: -1 });
deliverySchema.index({ createdAtMs: 1 });

export function toDelivery(row: object): Delivery {
  return {
    deliveryId: text(row, '_id'),
    tenantId: text(row, 'tenantId'),
    sessionId: text(row, 'sessionId'),
    ...optional(text, row, 'erasureId'),
    eventType: oneOf(EVENT_TYPES)(row, 'eventType'),
    origin: text(row, 'origin'),
    sealedCallback: bytes(row, 'sealedCallback'),
    sealedBody: bytes(row, 'sealedBody'),
    state: oneOf(STATES)(row, 'state'),
    attempts: number(row, 'attempts'),
    attemptLog: objects(row, 'attemptLog').map(toAttempt),
    createdAtMs: number(row, 'createdAtMs'),
    dueAtMs: number(row, 'dueAtMs'),
    ...optional(number, row, 'endedAtMs'),
  };
}

function toAttempt(row: object): AttemptRecord {
  return {
    atMs: number(row, 'atMs'),
    durationMs: number(row, 'durationMs'),
    outcome: text(row, 'outcome'),
  };
}
