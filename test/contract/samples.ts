import { randomBytes } from 'node:crypto';
import type { Client, Tenant } from '../../src/access/tenant.js';
import type { LogExtension, LogHead, LogSegment, PendingEntry } from '../../src/audit/log-store.js';
import type { Review } from '../../src/audit/reviews/review-store.js';
import type { Subject } from '../../src/biometrics/subject-store.js';
import type { Delivery } from '../../src/callbacks/delivery-store.js';
import type { Completion, Erasure } from '../../src/erasure/erasure-store.js';
import { randomId, timeOrderedId } from '../../src/lib/ids.js';
import type { Session } from '../../src/sessions/session.js';
import type { BucketKey } from '../../src/vault/buckets/bucket-key-store.js';
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
    callbackHosts: [],
    redirectHosts: [],
    httpSignatures: false,
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
    scopes: [],
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
    sentEvents: 'last',
    callbackOrigin: 'https://receiver.example',
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

/** The end of an erasure. */
export function sampleCompletion(members: Partial<Completion> = {}): Completion {
  return {
    completedAtMs: NOW_MS,
    receipt: {
      entryId: timeOrderedId(NOW_MS),
      bucket: 'review/2027-01',
      sealedClaims: randomBytes(64),
    },
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
    origin: 'https://receiver.example',
    sealedCallback: randomBytes(64),
    sealedBody: randomBytes(128),
    state: 'pending',
    attempts: 0,
    attemptLog: [],
    createdAtMs: NOW_MS,
    dueAtMs: NOW_MS,
    ...members,
  };
}

/** Ids of entries in the order of their times, a millisecond each. */
export function sampleEntryIds(count: number): string[] {
  return Array.from({ length: count }, (_, index) => timeOrderedId(NOW_MS + index));
}

/** An entry whose leaf tells its id. */
export function samplePending(entryId: string = timeOrderedId(NOW_MS)): PendingEntry {
  return { entryId, leaf: `leaf of ${entryId}` };
}

/** A log without cryptography, whose every checkpoint tells all that came before it. */
export function sampleExtension(
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
      bundle: Buffer.concat(
        leaves.map((leaf) => {
          const bytes = Buffer.from(leaf);
          return Buffer.concat([Uint8Array.of(bytes.length >> 8, bytes.length & 255), bytes]);
        }),
      ),
      frontier: Buffer.alloc(32, size),
      checkpoint: [head?.checkpoint ?? 'log', ...leaves].join('\n'),
    },
    nodes: [],
  };
}

/** The leaves of segments, in order. */
export function leavesOf(segments: readonly LogSegment[]): string[] {
  return segments.flatMap(({ bundle }) => {
    const bytes = Buffer.from(bundle);
    const leaves: string[] = [];
    for (let at = 0; at < bytes.length; ) {
      const end = at + 2 + bytes.readUInt16BE(at);
      leaves.push(bytes.toString('utf8', at + 2, end));
      at = end;
    }
    return leaves;
  });
}

export function sampleReview(members: Partial<Review> = {}): Review {
  return {
    entryId: timeOrderedId(NOW_MS),
    tenantId: 'tenant',
    bucket: 'review/2027-01',
    sealed: randomBytes(300),
    ...members,
  };
}

export function sampleBucketKey(members: Partial<BucketKey> = {}): BucketKey {
  return {
    bucket: 'review/2027-01',
    keyId: randomId(),
    sealedKey: randomBytes(60),
    createdAtMs: NOW_MS,
    ...members,
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
