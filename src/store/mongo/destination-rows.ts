import { Schema } from 'mongoose';
import type { DestinationHealth, DisabledBecause } from '../../callbacks/destination-store.js';
import { number, oneOf, optional, text } from './fields.js';
import { REQUIRED_NUMBER, REQUIRED_TEXT, STRICT, type Written } from './schema.js';

export type DestinationRow = DestinationHealth & Written;

const REASONS: readonly DisabledBecause[] = ['GONE', 'FAILING'];

export const destinationSchema = new Schema(
  {
    writeId: REQUIRED_TEXT,
    tenantId: REQUIRED_TEXT,
    origin: REQUIRED_TEXT,
    failingSinceMs: REQUIRED_NUMBER,
    lastFailureAtMs: REQUIRED_NUMBER,
    lastOutcome: REQUIRED_TEXT,
    failures: REQUIRED_NUMBER,
    pauses: REQUIRED_NUMBER,
    pausedUntilMs: Number,
    disabledAtMs: Number,
    disabledBecause: { type: String, enum: REASONS },
  },
  STRICT,
);
destinationSchema.index({ tenantId: 1, origin: 1 }, { unique: true });
destinationSchema.index({ lastFailureAtMs: 1 });

export function toDestination(row: object): DestinationHealth {
  return {
    tenantId: text(row, 'tenantId'),
    origin: text(row, 'origin'),
    failingSinceMs: number(row, 'failingSinceMs'),
    lastFailureAtMs: number(row, 'lastFailureAtMs'),
    lastOutcome: text(row, 'lastOutcome'),
    failures: number(row, 'failures'),
    pauses: number(row, 'pauses'),
    ...optional(number, row, 'pausedUntilMs'),
    ...optional(number, row, 'disabledAtMs'),
    ...optional(oneOf(REASONS), row, 'disabledBecause'),
  };
}
