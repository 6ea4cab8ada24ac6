import { Schema, type SchemaOptions } from 'mongoose';
import { DAY_MS, systemClock } from '../../lib/clock.js';

/** Names the call that last wrote a row: by it a repeated call knows its own work. */
export interface Written {
  readonly writeId: string;
}

/** Names the transaction that last read a row and relied on it. */
export interface Held {
  readonly heldBy?: string;
}

/** Indexes are made when the store opens, not when a model is first used. */
export const STRICT = {
  strict: 'throw',
  strictQuery: 'throw',
  autoIndex: false,
  autoCreate: false,
  versionKey: false,
  id: false,
} as const satisfies SchemaOptions;

export const REQUIRED_TEXT = { type: String, required: true } as const;
export const REQUIRED_NUMBER = { type: Number, required: true } as const;
export const REQUIRED_BYTES = { type: Schema.Types.Buffer, required: true } as const;

/** When the server may remove a row that no sweep has removed: long after it has expired. */
export const REMOVABLE_AT = { type: Date, required: true, expires: 0 } as const;

/** By the real clock whatever time the caller goes by, because the server's own is what it meets. */
export function removableAt(expiresAtMs: number): Date {
  return new Date(Math.max(expiresAtMs, systemClock.nowMs()) + DAY_MS);
}
