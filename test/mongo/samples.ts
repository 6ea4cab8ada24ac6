import type { Client, Tenant } from '../../src/access/tenant.js';
import type { PendingEntry } from '../../src/audit/entry.js';
import type { Checkpoint, LogBatch } from '../../src/audit/log-store.js';
import type { Subject } from '../../src/biometrics/subject-store.js';
import type { Delivery } from '../../src/callbacks/delivery-store.js';
import type { Erasure } from '../../src/erasure/erasure-store.js';
import type { Session } from '../../src/sessions/session.js';
import type { Installation } from '../../src/vault/installation-store.js';
import type { NodeRow, TreeName } from '../../src/vault/tree/tree-store.js';

const T0 = 1_790_000_000_000;

export const tenant: Tenant = {
  tenantId: 'tenant-1',
  displayName: 'Acme',
  authMode: 'strict',
  thresholds: { 'model.v1': { verify: 0.5, signIn: 0.7 } },
  frameOrigins: ['https://acme.example'],
  webhookSecrets: [
    { sealed: Uint8Array.of(1, 2, 3) },
    { sealed: Uint8Array.of(4), expiresAtMs: T0 },
  ],
  createdAtMs: T0,
};

export const client: Client = {
  clientId: 'client-1',
  tenantId: 'tenant-1',
  apiKeyDigest: 'digest-1',
  secrets: [{ digest: 'd', sealed: Uint8Array.of(9), expiresAtMs: T0 }, { digest: 'e' }],
  slcKeys: [{ kty: 'OKP', crv: 'Ed25519', x: 'x', kid: 'k' }],
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
  intent: { uuid: 'uuid-1', keyIds: ['key-1'] },
  requestedAtMs: T0,
};

export const delivery: Delivery = {
  deliveryId: 'delivery-1',
  tenantId: 'tenant-1',
  sessionId: 'session-1',
  eventType: 'session.ended',
  destination: 'https://acme.example',
  sealedCallback: Uint8Array.of(5),
  sealedBody: Uint8Array.of(6),
  state: 'pending',
  attempts: 0,
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

export const claim = { nowMs: T0, leaseUntilMs: T0 + 1_000, limit: 2, expedited: [] } as const;

export function entry(number: number): PendingEntry {
  return {
    entryId: `entry-${number.toString().padStart(4, '0')}`,
    entry: { v: 1, at: '2026-09-21T00:00:00.000Z', op: 'ENROLL', outcome: 'created' },
  };
}

/** A chain without cryptography: every hash names the one before it. */
export function extend(head: Checkpoint | undefined, pending: readonly PendingEntry[]): LogBatch {
  const start = head?.size ?? 0;
  let hash = head?.hash ?? 'root';
  const records = pending.map(({ entryId }, index) => {
    hash = `${entryId}<${hash.slice(0, 10)}`;
    return { sequence: start + index, entry: entryId, hash };
  });
  const size = start + records.length;
  const checkpoint = { size, hash, signedAt: 'now', kid: 'kid', signature: 'signature' };
  return { records, checkpoint };
}
