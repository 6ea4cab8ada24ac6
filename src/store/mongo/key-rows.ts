import { Schema } from 'mongoose';
import { REQUIRED_BYTES, REQUIRED_TEXT, STRICT, type Written } from './schema.js';

export interface KeyRow extends Written {
  readonly _id: string;
  readonly wrapped: Uint8Array;
}

export const keySchema = new Schema(
  { _id: REQUIRED_TEXT, writeId: REQUIRED_TEXT, wrapped: REQUIRED_BYTES },
  STRICT,
);
