import type { ErasureScope } from '../audit/offline/receipt-claims.js';
import type { SubjectName, SubjectStore } from '../biometrics/subject-store.js';
import type { DeliveryStore } from '../callbacks/delivery-store.js';
import type { Commitments } from '../crypto/commitment.js';
import type { Clock } from '../lib/clock.js';
import { timeOrderedId } from '../lib/ids.js';
import type { SessionStore } from '../sessions/session-store.js';
import type { Erasure, ErasureStore } from './erasure-store.js';

interface Deps {
  readonly clock: Clock;
  readonly commitments: Commitments;
}

/** The stores that an erasure touches, bound to one transaction. */
interface PurgeStores {
  readonly subjects: SubjectStore;
  readonly sessions: SessionStore;
  readonly deliveries: DeliveryStore;
  readonly erasures: ErasureStore;
}

/**
 * Records the intent to erase a subject and blocks every use of its template, in one transaction.
 * For a subject that is being erased or was erased, returns that erasure; undefined when the tenant
 * never had the subject. Nothing is destroyed yet. `sessionId`: the session of the request, if any.
 */
export async function recordIntent(
  deps: Deps,
  stores: PurgeStores,
  { sessionId, ...name }: SubjectName & { readonly sessionId?: string },
): Promise<Erasure | undefined> {
  const subject = deps.commitments.subject(name);
  const blocked = await stores.subjects.beginErasure(name);
  if (blocked === undefined)
    return await stores.erasures.findLatest({ tenantId: name.tenantId, subject });
  const requestedAtMs = deps.clock.nowMs();
  const erasure: Erasure = {
    erasureId: timeOrderedId(requestedAtMs),
    tenantId: name.tenantId,
    subject,
    state: 'shredding',
    intent: {
      uuid: name.uuid,
      keyIds: [blocked.enrolment.keyId],
      ...(sessionId !== undefined && { sessionId }),
    },
    requestedAtMs,
  };
  await stores.erasures.start(erasure);
  return erasure;
}

/**
 * Takes what is left of a subject out of the stores, in the transaction that completes its erasure,
 * after the key was destroyed. Returns what was removed, or undefined when the erasure is complete
 * already: then nothing changes.
 */
export async function removeRemains(
  stores: PurgeStores,
  erasure: Erasure,
): Promise<ErasureScope | undefined> {
  const { erasureId, tenantId, intent } = erasure;
  const current = await stores.erasures.find(erasureId);
  if (intent === undefined || current?.state !== 'shredding') return undefined;
  const name = { tenantId, uuid: intent.uuid };
  const forgotten = await stores.sessions.forgetSubject(name);
  const webhooks = await stores.deliveries.removeOfSessions(forgotten);
  await stores.subjects.remove(name);
  return { templates: intent.keyIds.length, sessions: forgotten.length, webhooks };
}
