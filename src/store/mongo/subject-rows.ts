import { Schema } from 'mongoose';
import type { Subject } from '../../biometrics/subject-store.js';
import { bytes, number, object, oneOf, text } from './fields.js';
import {
  type Held,
  REQUIRED_BYTES,
  REQUIRED_NUMBER,
  REQUIRED_TEXT,
  STRICT,
  type Written,
} from './schema.js';

export type SubjectRow = Subject & Written & Held;

const STATES: readonly Subject['state'][] = ['live', 'erasing'];

export const subjectSchema = new Schema(
  {
    writeId: REQUIRED_TEXT,
    tenantId: REQUIRED_TEXT,
    uuid: REQUIRED_TEXT,
    state: { ...REQUIRED_TEXT, enum: STATES },
    enrolment: {
      keyId: REQUIRED_TEXT,
      model: REQUIRED_TEXT,
      sealedTemplate: REQUIRED_BYTES,
      enrolledAtMs: REQUIRED_NUMBER,
    },
    heldBy: String,
  },
  STRICT,
);
subjectSchema.index({ tenantId: 1, uuid: 1 }, { unique: true });
subjectSchema.index({ tenantId: 1, 'enrolment.model': 1, state: 1, uuid: 1 });

export function toSubject(row: object): Subject {
  const enrolment = object(row, 'enrolment');
  return {
    tenantId: text(row, 'tenantId'),
    uuid: text(row, 'uuid'),
    state: oneOf(STATES)(row, 'state'),
    enrolment: {
      keyId: text(enrolment, 'keyId'),
      model: text(enrolment, 'model'),
      sealedTemplate: bytes(enrolment, 'sealedTemplate'),
      enrolledAtMs: number(enrolment, 'enrolledAtMs'),
    },
  };
}
