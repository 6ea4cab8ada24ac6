import type { Erasure } from '../erasure/erasure-store.js';
import { removeRemains } from '../erasure/purge.js';
import { SECOND_MS } from '../lib/clock.js';
import type { Session } from '../sessions/session.js';
import type { OperationDeps } from './deps.js';
import { endSession } from './end-session.js';
import type { Stores } from './unit-of-work.js';

/** The webhook waits for the answer to leave; this is its limit if the process dies in between. */
const WEBHOOK_DELAY_MS = SECOND_MS;

/** A request that still runs after this long has died. */
const ABANDONED_AFTER_MS = 10 * SECOND_MS;

const BATCH_SIZE = 100;

/**
 * Takes an erasure from its intent to its end: destroys the key, removes what is left, ends every
 * session that waits for it. Returns the ids of their deliveries. Repeatable.
 */
export async function completeErasure(
  deps: OperationDeps,
  erasure: Erasure,
  finish: { uuid?: string; effect?: (stores: Stores) => Promise<void> } = {},
): Promise<readonly string[]> {
  // The erasure point: afterwards nothing may be reported as not deleted.
  if (erasure.intent !== undefined) await deps.vault.shred(erasure.intent.keyIds);

  const uuid = finish.uuid ?? erasure.intent?.uuid;
  const done = await deps.store.transaction(async (stores) => {
    const isCompleted = await removeRemains(deps, stores, erasure);
    if (isCompleted)
      await cancelSessionsOf(deps, stores, {
        tenantId: erasure.tenantId,
        uuid: erasure.intent?.uuid ?? '',
      });
    const deliveryIds: string[] = [];
    for (const session of await stores.sessions.findOpenOfErasure(erasure.erasureId)) {
      const deliveryId = await endDeleteSession(deps, stores, { session, erasure, uuid });
      if (deliveryId !== undefined) deliveryIds.push(deliveryId);
    }
    await finish.effect?.(stores);
    return { isCompleted, deliveryIds };
  });
  if (done.isCompleted) deps.watch.erasureCompleted({ tenantId: erasure.tenantId });
  return done.deliveryIds;
}

/** Finishes what a crash left behind: at the start of the process everything, later only what was abandoned. */
export async function resumeErasures(
  deps: OperationDeps,
  when: 'start' | 'running',
): Promise<void> {
  const nowMs = deps.clock.nowMs();
  const abandonedBeforeMs = when === 'start' ? nowMs : nowMs - ABANDONED_AFTER_MS;
  const unfinished = await deps.store.erasures.findUnfinished(BATCH_SIZE);
  const abandoned = unfinished.filter((erasure) => erasure.requestedAtMs <= abandonedBeforeMs);
  for (const erasure of abandoned) await completeErasure(deps, erasure);
  if (abandoned.length > 0) deps.deliveries.wake();
}

/** A DELETE session whose process died while another one completed the erasure. */
export async function endAbandonedDelete(deps: OperationDeps, session: Session): Promise<void> {
  const erasure = await deps.store.erasures.find(session.erasureId ?? '');
  if (erasure?.state === 'completed') await completeErasure(deps, erasure);
}

async function endDeleteSession(
  deps: OperationDeps,
  stores: Stores,
  { session, erasure, uuid }: { session: Session; erasure: Erasure; uuid: string | undefined },
): Promise<string | undefined> {
  return await endSession(deps, stores, {
    session,
    ending: {
      state: 'SUCCESS',
      subject: erasure.subject,
      message: 'Deletion successful',
      errors: [],
      identificationResult: { ...(uuid !== undefined && { uuid }), status: 'deleted' },
      webhookDelayMs: WEBHOOK_DELAY_MS,
    },
  });
}

/** Nobody completes an operation with a subject that is gone. */
async function cancelSessionsOf(
  deps: OperationDeps,
  stores: Stores,
  name: { tenantId: string; uuid: string },
): Promise<void> {
  for (const session of await stores.sessions.findOpenOfSubject(name)) {
    await endSession(deps, stores, {
      session,
      ending: {
        state: 'CANCELED',
        uuid: null,
        op: 'CANCEL',
        message: 'Session canceled',
        errors: [],
      },
    });
  }
}
