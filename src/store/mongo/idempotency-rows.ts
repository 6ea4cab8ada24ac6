import { Schema } from 'mongoose';
import type { IdempotencyUse, StoredAnswer } from '../../sessions/idempotency-store.js';
import { bytes, number, object } from './fields.js';
import {
  REMOVABLE_AT,
  REQUIRED_BYTES,
  REQUIRED_NUMBER,
  REQUIRED_TEXT,
  STRICT,
  type Written,
} from './schema.js';

export interface IdempotencyRow extends IdempotencyUse, Written {
  readonly fingerprint: string;
  /** While it runs: the end of its lease. Once it has its answer: the end of that. */
  readonly validUntilMs: number;
  readonly answer?: StoredAnswer;
  readonly removableAt: Date;
}

export const idempotencySchema = new Schema(
  {
    writeId: REQUIRED_TEXT,
    scope: REQUIRED_TEXT,
    key: REQUIRED_TEXT,
    fingerprint: REQUIRED_TEXT,
    validUntilMs: REQUIRED_NUMBER,
    answer: {
      type: new Schema(
        { status: REQUIRED_NUMBER, sealedBody: REQUIRED_BYTES },
        { ...STRICT, _id: false },
      ),
      required: false,
    },
    removableAt: REMOVABLE_AT,
  },
  STRICT,
);
idempotencySchema.index({ scope: 1, key: 1 }, { unique: true });
idempotencySchema.index({ validUntilMs: 1 });

export function toAnswer(row: object, name: string): StoredAnswer {
  const answer = object(row, name);
  return { status: number(answer, 'status'), sealedBody: bytes(answer, 'sealedBody') };
}
