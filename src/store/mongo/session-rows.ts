import { Schema } from 'mongoose';
import type { OperationType, Session, SessionState } from '../../sessions/session.js';
import { bytes, number, oneOf, optional, text } from './fields.js';
import { REQUIRED_BYTES, REQUIRED_NUMBER, REQUIRED_TEXT, STRICT, type Written } from './schema.js';

export type SessionRow = Omit<Session, 'sessionId'> & Written & { readonly _id: string };

const TYPES: readonly OperationType[] = ['ENROLL', 'VERIFY', 'SIGN-IN', 'DELETE'];
const SENT_EVENTS: readonly Session['sentEvents'][] = ['all', 'last'];
export const OPEN: readonly SessionState[] = ['CREATED', 'IN_PROGRESS'];
export const ENDED: readonly SessionState[] = ['SUCCESS', 'FAILED', 'EXPIRED', 'CANCELED'];

export const sessionSchema = new Schema(
  {
    _id: REQUIRED_TEXT,
    writeId: REQUIRED_TEXT,
    tenantId: REQUIRED_TEXT,
    clientId: REQUIRED_TEXT,
    type: { ...REQUIRED_TEXT, enum: TYPES },
    spelledType: REQUIRED_TEXT,
    state: { ...REQUIRED_TEXT, enum: [...OPEN, ...ENDED] },
    uuid: String,
    erasureId: String,
    redirectURL: REQUIRED_TEXT,
    failureUrl: String,
    auditTag: String,
    transactionID: String,
    sentEvents: { ...REQUIRED_TEXT, enum: SENT_EVENTS },
    callbackOrigin: REQUIRED_TEXT,
    sealedCallback: REQUIRED_BYTES,
    nonce: REQUIRED_TEXT,
    createdAtMs: REQUIRED_NUMBER,
    expiresAtMs: REQUIRED_NUMBER,
    endedAtMs: Number,
  },
  STRICT,
);
sessionSchema.index({ state: 1, expiresAtMs: 1 });
sessionSchema.index({ tenantId: 1, uuid: 1 });
sessionSchema.index({ erasureId: 1 });
sessionSchema.index({ endedAtMs: 1 });

export function toSession(row: object): Session {
  return {
    sessionId: text(row, '_id'),
    tenantId: text(row, 'tenantId'),
    clientId: text(row, 'clientId'),
    type: oneOf(TYPES)(row, 'type'),
    spelledType: text(row, 'spelledType'),
    state: oneOf([...OPEN, ...ENDED])(row, 'state'),
    ...optional(text, row, 'uuid'),
    ...optional(text, row, 'erasureId'),
    redirectURL: text(row, 'redirectURL'),
    ...optional(text, row, 'failureUrl'),
    ...optional(text, row, 'auditTag'),
    ...optional(text, row, 'transactionID'),
    sentEvents: oneOf(SENT_EVENTS)(row, 'sentEvents'),
    callbackOrigin: text(row, 'callbackOrigin'),
    sealedCallback: bytes(row, 'sealedCallback'),
    nonce: text(row, 'nonce'),
    createdAtMs: number(row, 'createdAtMs'),
    expiresAtMs: number(row, 'expiresAtMs'),
    ...optional(number, row, 'endedAtMs'),
  };
}
