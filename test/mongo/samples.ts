import type { Client, Tenant } from '../../src/access/tenant.js';
import type {
  Cosignature,
  LogExtension,
  LogHead,
  LogKey,
  PendingEntry,
} from '../../src/audit/log-store.js';
import type { Review } from '../../src/audit/reviews/review-store.js';
import type { Subject } from '../../src/biometrics/subject-store.js';
import type { Delivery } from '../../src/callbacks/delivery-store.js';
import type { Completion, Erasure } from '../../src/erasure/erasure-store.js';
import type { Session } from '../../src/sessions/session.js';
import type { BucketKey } from '../../src/vault/buckets/bucket-key-store.js';
import type { Installation } from '../../src/vault/installation-store.js';
import type { NodeRow, TreeName } from '../../src/vault/tree/tree-store.js';

const T0 = 1_790_000_000_000;

export const tenant: Tenant = {
  tenantId: 'tenant-1',
  displayName: 'Acme',
  authMode: 'strict',
  thresholds: { 'model.v1': { verify: 0.5, signIn: 0.7 } },
  frameOrigins: ['https://acme.example'],
  callbackHosts: ['hooks.acme.example'],
  redirectHosts: ['*.acme.example'],
  httpSignatures: true,
  webhookSecrets: [
    { sealed: Uint8Array.of(1, 2, 3) },
    { sealed: Uint8Array.of(4), expiresAtMs: T0 },
  ],
  webhookTls: { ca: 'ca', certificate: 'certificate', sealedKey: Uint8Array.of(5) },
  createdAtMs: T0,
};

export const client: Client = {
  clientId: 'client-1',
  tenantId: 'tenant-1',
  apiKeyDigest: 'digest-1',
  secrets: [{ digest: 'd', sealed: Uint8Array.of(9), expiresAtMs: T0 }, { digest: 'e' }],
  slcKeys: [{ kty: 'OKP', crv: 'Ed25519', x: 'x', kid: 'k' }],
  scopes: ['audit:read'],
  createdAtMs: T0,
  revokedAtMs: T0 + 5,
};

export const session: Session = {
  sessionId: 'session-1',
  tenantId: 'tenant-1',
  clientId: 'client-1',
  type: 'VERIFY',
  spelledType: 'verify',
  state: 'CREATED',
  uuid: 'uuid-1',
  redirectURL: 'https://acme.example/back',
  auditTag: 'tag',
  transactionID: 'transaction',
  sentEvents: 'last',
  callbackOrigin: 'https://acme.example',
  sealedCallback: Uint8Array.of(7, 7),
  nonce: 'nonce',
  createdAtMs: T0,
  expiresAtMs: T0 + 100,
};

export const subject: Subject = {
  tenantId: 'tenant-1',
  uuid: 'uuid-1',
  state: 'live',
  enrolment: {
    keyId: 'key-1',
    model: 'model-1',
    sealedTemplate: Uint8Array.of(1, 2),
    enrolledAtMs: T0,
  },
};

export const erasure: Erasure = {
  erasureId: 'erasure-1',
  tenantId: 'tenant-1',
  subject: 'commitment-1',
  state: 'shredding',
  intent: { uuid: 'uuid-1', keyIds: ['key-1'], sessionId: 'session-1' },
  requestedAtMs: T0,
};

export const completion: Completion = {
  completedAtMs: T0 + 5,
  receipt: {
    entryId: entryId(1),
    bucket: 'review/2026-09',
    sealedClaims: Uint8Array.of(3, 3),
  },
};

export const delivery: Delivery = {
  deliveryId: 'delivery-1',
  tenantId: 'tenant-1',
  sessionId: 'session-1',
  erasureId: 'erasure-1',
  eventType: 'session.ended',
  origin: 'https://acme.example',
  sealedCallback: Uint8Array.of(5),
  sealedBody: Uint8Array.of(6),
  state: 'pending',
  attempts: 0,
  attemptLog: [],
  createdAtMs: T0,
  dueAtMs: T0,
};

export const installation: Installation = {
  installationId: 'installation-1',
  serviceKeyCheck: 'service',
  sealedPayloadKey: Uint8Array.of(8),
  createdAtMs: T0,
};

export function node(index: number): NodeRow {
  const place = { tree: 9, level: 0, index };
  return { ...place, side: 0, epoch: 1, revision: 0, used: 1, sealed: Uint8Array.of(index) };
}

export function tree(number: number): TreeName {
  return { tree: number, scope: `tenant/${String(number)}` };
}

export const idempotencyUse = { scope: 'client-1 /v2', key: 'key-1' } as const;

export const claim = {
  destination: { tenantId: delivery.tenantId, origin: delivery.origin },
  nowMs: T0,
  leaseUntilMs: T0 + 1_000,
  limit: 2,
  expedited: [],
} as const;

export function entry(number: number): PendingEntry {
  return { entryId: entryId(number), leaf: `leaf-${number.toString()}` };
}

export function review(number: number): Review {
  return {
    entryId: entryId(number),
    tenantId: 'tenant-1',
    bucket: 'review/2026-09',
    sealed: Uint8Array.of(number),
  };
}

export const bucketKey: BucketKey = {
  bucket: 'review/2026-09',
  keyId: 'key-2',
  sealedKey: Uint8Array.of(4, 2),
  createdAtMs: T0,
};

export const logKey: LogKey = { generation: 1, vkey: 'log+00000000+key', createdAtMs: T0 };

export const cosignature: Cosignature = { size: 3, witness: 'witness+key', line: '— witness x\n' };

/** A millisecond of the time of each. */
function entryId(number: number): string {
  const time = (T0 + number).toString(16).padStart(12, '0');
  return `${time.slice(0, 8)}-${time.slice(8)}-7000-8000-${number.toString().padStart(12, '0')}`;
}

/** A log without cryptography: every checkpoint names the leaves that came before it. */
export function extend(
  { head }: { readonly head: LogHead | undefined },
  pending: readonly PendingEntry[],
): LogExtension {
  const start = head?.size ?? 0;
  const size = start + pending.length;
  const leaves = pending.map(({ leaf }) => leaf);
  return {
    segment: {
      start,
      size,
      bundle: Buffer.from(leaves.join('\n')),
      frontier: Buffer.alloc(32, size),
      checkpoint: [head?.checkpoint ?? 'log', ...leaves].join('\n'),
    },
    nodes: leaves.map((_, index) => ({
      level: 1,
      index: start + index,
      hash: Buffer.alloc(32, index),
    })),
  };
}
