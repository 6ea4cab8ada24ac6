import type { Erasure } from '../erasure/erasure-store.js';
import { recordIntent } from '../erasure/purge.js';
import { ServiceError } from '../errors/service-error.js';
import { isoTime } from '../lib/clock.js';
import type { DeleteRequest, DeleteResponse, DeviceInfo } from '../lib/messages.js';
import type { Session } from '../sessions/session.js';
import type { Answer } from './answer.js';
import { completeErasure } from './complete-erasure.js';
import type { OperationDeps } from './deps.js';
import { type CreateRequest, launchUrl, newSession, storeSession } from './open-session.js';
import type { Stores } from './unit-of-work.js';

/** What a request asks to be erased, and what is known of it. */
interface Asked {
  readonly session: Session;
  readonly uuid: string;
  readonly deviceInfo: DeviceInfo | undefined;
}

/**
 * Erases a subject. When this returns, the key of its template is destroyed; that cannot be undone.
 *
 * The order matters: the intent is recorded first, so that a crash resumes from it; then the key is
 * destroyed; then what is left is removed, the session ends, webhook and log entries are written; then
 * the entries get their place in the log; only then the answer leaves, with the receipt. Every step can
 * be repeated. Throws SUBJECT_NOT_FOUND for a subject that this tenant never had.
 */
export async function deleteSubject(
  deps: OperationDeps,
  request: CreateRequest<DeleteRequest>,
): Promise<Answer> {
  const { uuid } = request.body;
  const session = await newSession(deps, request, 'DELETE');
  const asked = { session, uuid, deviceInfo: request.deviceInfo };
  const erasure = await deps.store.transaction(async (stores) => await begin(deps, stores, asked));
  if (erasure === undefined) throw new ServiceError('SUBJECT_NOT_FOUND');
  const { erasureId } = erasure;
  const { deliveries, irrecoverableAtMs } = await completeErasure(deps, erasure, {
    uuid,
    effect: async (stores, untilMs) => {
      await request.remember(stores, deletedAnswer(deps, { session, uuid, erasureId, untilMs }));
    },
  });
  await deps.sequencer.settle();

  deps.watch.sessionEnded({
    type: 'DELETE',
    state: 'SUCCESS',
    tenantId: session.tenantId,
    sessionId: session.sessionId,
  });
  return {
    ...deletedAnswer(deps, { session, uuid, erasureId, untilMs: irrecoverableAtMs }),
    afterFlush: () => {
      for (const delivery of deliveries) deps.deliveries.expedite(delivery);
    },
  };
}

async function begin(
  deps: OperationDeps,
  stores: Stores,
  { session, uuid, deviceInfo }: Asked,
): Promise<Erasure | undefined> {
  const { tenantId, sessionId, transactionID, auditTag } = session;
  const erasure = await recordIntent(deps, stores, { tenantId, uuid, sessionId });
  if (erasure === undefined) return undefined;
  const { erasureId } = erasure;
  const details = { erasureId, transactionID, auditTag, deviceInfo };
  await storeSession(deps, stores, { ...session, state: 'IN_PROGRESS', erasureId }, details);
  return erasure;
}

/** `untilMs`: while an escrowed copy of an earlier root may exist, the answer says until when. */
function deletedAnswer(
  deps: OperationDeps,
  of: { session: Session; uuid: string; erasureId: string; untilMs: number | undefined },
): Answer {
  const { session, uuid, erasureId, untilMs } = of;
  const { sessionId, auditTag } = session;
  const body: DeleteResponse = {
    message: 'Success!',
    status: 'success',
    sessionId,
    identificationResult: { uuid, ...(auditTag !== undefined && { auditTag }), status: 'deleted' },
    ...(untilMs !== undefined && { irrecoverableBy: isoTime(untilMs) }),
  };
  const headers = { link: `<${launchUrl(deps, sessionId)}>; rel="next"` };
  return { status: 200, body, headers, erasureId };
}
