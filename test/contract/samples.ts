import { randomBytes } from 'node:crypto';
import type { Client, Tenant } from '../../src/access/tenant.js';
import type { PendingEntry } from '../../src/audit/entry.js';
import type { Subject } from '../../src/biometrics/subject-store.js';
import type { Delivery } from '../../src/callbacks/delivery-store.js';
import type { Erasure } from '../../src/erasure/erasure-store.js';
import { randomId, timeOrderedId } from '../../src/lib/ids.js';
import type { Session } from '../../src/sessions/session.js';
import type { NodeRow } from '../../src/vault/tree/tree-store.js';

export const NOW_MS = 1_800_000_000_000;

/** Text that a store may mangle: accents, an emoji, right-to-left, a quote, a NUL, a dollar and a dot. */
export const DIFFICULT_TEXT = 'Zoë 😀 שלום \' " \\ \u0000 $set a.b';

/** Every value that a byte can have. */
export const ALL_BYTES = Uint8Array.from({ length: 256 }, (_, index) => index);

/** 32 random bytes, base64url. */
export function digest(): string {
  return randomBytes(32).toString('base64url');
}

export function sampleTenant(members: Partial<Tenant> = {}): Tenant {
  return {
    tenantId: randomId(),
    displayName: 'Sample',
    authMode: 'strict',
    thresholds: {},
    frameOrigins: [],
    webhookSecrets: [],
    createdAtMs: NOW_MS,
    ...members,
  };
}

export function sampleClient(members: Partial<Client> = {}): Client {
  return {
    clientId: randomId(),
    tenantId: randomId(),
    apiKeyDigest: digest(),
    secrets: [],
    slcKeys: [],
    createdAtMs: NOW_MS,
    ...members,
  };
}

/** A session that a person has not begun yet. */
export function sampleSession(members: Partial<Session> = {}): Session {
  return {
    sessionId: randomId(),
    tenantId: 'tenant',
    clientId: 'client',
    type: 'VERIFY',
    spelledType: 'verify',
    state: 'CREATED',
    redirectURL: 'https://app.example/done',
    sealedCallback: randomBytes(64),
    nonce: digest(),
    createdAtMs: NOW_MS,
    expiresAtMs: NOW_MS + 600_000,
    ...members,
  };
}

export function sampleSubject(
  members: Partial<Omit<Subject, 'enrolment'> & Subject['enrolment']> = {},
): Subject {
  return {
    tenantId: members.tenantId ?? 'tenant',
    uuid: members.uuid ?? randomId(),
    state: members.state ?? 'live',
    enrolment: {
      keyId: members.keyId ?? randomId(),
      model: members.model ?? 'model',
      sealedTemplate: members.sealedTemplate ?? randomBytes(512),
      enrolledAtMs: members.enrolledAtMs ?? NOW_MS,
    },
  };
}

/** An erasure that has begun. */
export function sampleErasure(members: Partial<Erasure> = {}): Erasure {
  return {
    erasureId: timeOrderedId(NOW_MS),
    tenantId: 'tenant',
    subject: digest(),
    state: 'shredding',
    intent: { uuid: randomId(), keyIds: [randomId()] },
    requestedAtMs: NOW_MS,
    ...members,
  };
}

/** A delivery that is due now. */
export function sampleDelivery(members: Partial<Delivery> = {}): Delivery {
  return {
    deliveryId: timeOrderedId(NOW_MS),
    tenantId: 'tenant',
    sessionId: randomId(),
    eventType: 'session.ended',
    destination: 'https://receiver.example',
    sealedCallback: randomBytes(64),
    sealedBody: randomBytes(128),
    state: 'pending',
    attempts: 0,
    createdAtMs: NOW_MS,
    dueAtMs: NOW_MS,
    ...members,
  };
}

export function samplePending(entryId: string = timeOrderedId(NOW_MS)): PendingEntry {
  return {
    entryId,
    entry: {
      v: 1,
      at: new Date(NOW_MS).toISOString(),
      op: 'VERIFY',
      outcome: 'succeeded',
      tenantId: 'tenant',
      sessionId: entryId,
    },
  };
}

/** The value with its bytes as text: stores may return any kind of Uint8Array. */
export function comparable(value: unknown): unknown {
  if (ArrayBuffer.isView(value)) {
    return `bytes ${Buffer.from(value.buffer, value.byteOffset, value.byteLength).toString('hex')}`;
  }
  if (Array.isArray(value)) return value.map(comparable);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([name, member]) => [name, comparable(member)]),
  );
}

/** The results of as many calls as are under way at once. */
export async function concurrently<T>(
  count: number,
  call: (index: number) => Promise<T>,
): Promise<T[]> {
  return await Promise.all(Array.from({ length: count }, (_, index) => call(index)));
}

/** A leaf of a key tree, of a tree of its own. */
export function sampleNode(members: Partial<NodeRow> = {}): NodeRow {
  const place = { tree: 3, level: 0, index: 5 };
  return {
    ...place,
    side: 0,
    epoch: 1,
    revision: 0,
    used: 64,
    sealed: randomBytes(2_113),
    ...members,
  };
}
