import { Schema } from 'mongoose';
import type { SlcKey } from '../../access/slc-key.js';
import type {
  AuthMode,
  Client,
  ClientScope,
  ClientSecret,
  SealedSecret,
  SealedTls,
  Tenant,
} from '../../access/tenant.js';
import {
  boolean,
  bytes,
  listOf,
  number,
  object,
  objects,
  oneOf,
  optional,
  text,
  texts,
} from './fields.js';
import {
  REMOVABLE_AT,
  REQUIRED_BYTES,
  REQUIRED_NUMBER,
  REQUIRED_TEXT,
  STRICT,
  type Written,
} from './schema.js';

type Threshold = Tenant['thresholds'][string] & { readonly model: string };

/** Thresholds are a list, because the name of a model may hold what a member's name may not. */
export type TenantRow = Omit<Tenant, 'tenantId' | 'thresholds'> &
  Written & { readonly _id: string; readonly thresholds: readonly Threshold[] };

export type ClientRow = Omit<Client, 'clientId'> & Written & { readonly _id: string };

export interface UsedTokenRow extends Written {
  readonly clientId: string;
  readonly tokenId: string;
  readonly expiresAtMs: number;
  readonly removableAt: Date;
}

const AUTH_MODES: readonly AuthMode[] = ['strict', 'apiKeyOnly'];
const SCOPES: readonly ClientScope[] = ['audit:read', 'deliveries:read', 'deliveries:write'];

export const tenantSchema = new Schema(
  {
    _id: REQUIRED_TEXT,
    writeId: REQUIRED_TEXT,
    displayName: REQUIRED_TEXT,
    authMode: { ...REQUIRED_TEXT, enum: AUTH_MODES },
    thresholds: [
      { _id: false, model: REQUIRED_TEXT, verify: REQUIRED_NUMBER, signIn: REQUIRED_NUMBER },
    ],
    frameOrigins: [String],
    callbackHosts: [String],
    redirectHosts: [String],
    httpSignatures: { type: Boolean, required: true },
    webhookSecrets: [{ _id: false, sealed: REQUIRED_BYTES, expiresAtMs: Number }],
    webhookTls: {
      type: new Schema(
        { ca: String, certificate: String, sealedKey: Schema.Types.Buffer },
        { ...STRICT, _id: false },
      ),
      required: false,
    },
    createdAtMs: REQUIRED_NUMBER,
  },
  STRICT,
);

export const clientSchema = new Schema(
  {
    _id: REQUIRED_TEXT,
    writeId: REQUIRED_TEXT,
    tenantId: REQUIRED_TEXT,
    apiKeyDigest: REQUIRED_TEXT,
    secrets: [
      { _id: false, digest: REQUIRED_TEXT, sealed: Schema.Types.Buffer, expiresAtMs: Number },
    ],
    slcKeys: [
      {
        _id: false,
        kty: REQUIRED_TEXT,
        crv: REQUIRED_TEXT,
        x: REQUIRED_TEXT,
        y: String,
        kid: String,
      },
    ],
    scopes: [{ type: String, enum: SCOPES }],
    createdAtMs: REQUIRED_NUMBER,
    revokedAtMs: Number,
  },
  STRICT,
);
clientSchema.index({ apiKeyDigest: 1 }, { unique: true });
clientSchema.index({ tenantId: 1 });

export const usedTokenSchema = new Schema(
  {
    writeId: REQUIRED_TEXT,
    clientId: REQUIRED_TEXT,
    tokenId: REQUIRED_TEXT,
    expiresAtMs: REQUIRED_NUMBER,
    removableAt: REMOVABLE_AT,
  },
  STRICT,
);
usedTokenSchema.index({ clientId: 1, tokenId: 1 }, { unique: true });
usedTokenSchema.index({ expiresAtMs: 1 });

export function fromTenant({
  tenantId,
  thresholds,
  ...members
}: Tenant): Omit<TenantRow, 'writeId'> {
  const list = Object.entries(thresholds).map(([model, limits]) => ({ model, ...limits }));
  return { _id: tenantId, thresholds: list, ...members };
}

export function toTenant(row: object): Tenant {
  const thresholds = objects(row, 'thresholds').map((limits) => {
    const values = { verify: number(limits, 'verify'), signIn: number(limits, 'signIn') };
    return [text(limits, 'model'), values] as const;
  });
  return {
    tenantId: text(row, '_id'),
    displayName: text(row, 'displayName'),
    authMode: oneOf(AUTH_MODES)(row, 'authMode'),
    thresholds: Object.fromEntries(thresholds),
    frameOrigins: texts(row, 'frameOrigins'),
    callbackHosts: texts(row, 'callbackHosts'),
    redirectHosts: texts(row, 'redirectHosts'),
    httpSignatures: boolean(row, 'httpSignatures'),
    webhookSecrets: objects(row, 'webhookSecrets').map(toSealedSecret),
    ...optional(sealedTls, row, 'webhookTls'),
    createdAtMs: number(row, 'createdAtMs'),
  };
}

export function fromClient({ clientId, ...members }: Client): Omit<ClientRow, 'writeId'> {
  return { _id: clientId, ...members };
}

export function toClient(row: object): Client {
  return {
    clientId: text(row, '_id'),
    tenantId: text(row, 'tenantId'),
    apiKeyDigest: text(row, 'apiKeyDigest'),
    secrets: objects(row, 'secrets').map(toClientSecret),
    slcKeys: objects(row, 'slcKeys').map(toSlcKey),
    scopes: listOf(SCOPES)(row, 'scopes'),
    createdAtMs: number(row, 'createdAtMs'),
    ...optional(number, row, 'revokedAtMs'),
  };
}

function toSealedSecret(row: object): SealedSecret {
  return { sealed: bytes(row, 'sealed'), ...optional(number, row, 'expiresAtMs') };
}

function sealedTls(row: object, name: string): SealedTls {
  const tls = object(row, name);
  return {
    ...optional(text, tls, 'ca'),
    ...optional(text, tls, 'certificate'),
    ...optional(bytes, tls, 'sealedKey'),
  };
}

function toClientSecret(row: object): ClientSecret {
  return {
    digest: text(row, 'digest'),
    ...optional(bytes, row, 'sealed'),
    ...optional(number, row, 'expiresAtMs'),
  };
}

function toSlcKey(row: object): SlcKey {
  return {
    kty: oneOf(['OKP', 'EC'])(row, 'kty'),
    crv: oneOf(['Ed25519', 'P-256'])(row, 'crv'),
    x: text(row, 'x'),
    ...optional(text, row, 'y'),
    ...optional(text, row, 'kid'),
  };
}
