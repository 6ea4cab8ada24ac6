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
 * never had the subject. Nothing is destroyed yet.
 */
export async function recordIntent(
  deps: Deps,
  stores: PurgeStores,
  name: SubjectName,
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
    intent: { uuid: name.uuid, keyIds: [blocked.enrolment.keyId] },
    requestedAtMs,
  };
  await stores.erasures.start(erasure);
  return erasure;
}

/**
 * Takes what is left of a subject out of the stores and completes its erasure, in one transaction,
 * after the key was destroyed. Repeatable: an erasure that is complete stays as it is. Returns
 * whether this call completed it.
 */
export async function removeRemains(
  deps: Deps,
  stores: PurgeStores,
  { erasure, irrecoverableAtMs }: { erasure: Erasure; irrecoverableAtMs: number | undefined },
): Promise<boolean> {
  if (erasure.intent === undefined) return false;
  const isMine = await stores.erasures.complete(erasure.erasureId, {
    completedAtMs: deps.clock.nowMs(),
    ...(irrecoverableAtMs !== undefined && { irrecoverableAtMs }),
  });
  if (!isMine) return false;
  const name = { tenantId: erasure.tenantId, uuid: erasure.intent.uuid };
  const forgotten = await stores.sessions.forgetSubject(name);
  await stores.deliveries.removeOfSessions(forgotten);
  await stores.subjects.remove(name);
  return true;
}
