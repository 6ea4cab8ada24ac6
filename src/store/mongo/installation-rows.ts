import { Schema } from 'mongoose';
import type { Installation } from '../../vault/installation-store.js';
import { bytes, number, text } from './fields.js';
import { REQUIRED_BYTES, REQUIRED_NUMBER, REQUIRED_TEXT, STRICT, type Written } from './schema.js';

/** One row under a fixed name: of several first starts one wins. */
export type InstallationRow = Installation & Written & { readonly _id: string };

export const installationSchema = new Schema(
  {
    _id: REQUIRED_TEXT,
    writeId: REQUIRED_TEXT,
    installationId: REQUIRED_TEXT,
    serviceKeyCheck: REQUIRED_TEXT,
    sealedPayloadKey: REQUIRED_BYTES,
    createdAtMs: REQUIRED_NUMBER,
  },
  STRICT,
);

export function toInstallation(row: object): Installation {
  return {
    installationId: text(row, 'installationId'),
    serviceKeyCheck: text(row, 'serviceKeyCheck'),
    sealedPayloadKey: bytes(row, 'sealedPayloadKey'),
    createdAtMs: number(row, 'createdAtMs'),
  };
}
