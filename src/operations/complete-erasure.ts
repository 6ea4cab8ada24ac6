import type { ErasureScope } from '../audit/offline/receipt-claims.js';
import type { Delivery } from '../callbacks/delivery-store.js';
import type { Erasure } from '../erasure/erasure-store.js';
import { removeRemains } from '../erasure/purge.js';
import { SECOND_MS } from '../lib/clock.js';
import type { Session } from '../sessions/session.js';
import type { Shredded } from '../vault/vault.js';
import type { OperationDeps } from './deps.js';
import { endSession } from './end-session.js';
import type { Stores } from './unit-of-work.js';

/** The webhook waits for the answer to leave; this is its limit if the process dies in between. */
const WEBHOOK_DELAY_MS = SECOND_MS;

/** A request that still runs after this long has died. */
const ABANDONED_AFTER_MS = 10 * SECOND_MS;

const BATCH_SIZE = 100;

const NOTHING_SHREDDED = { roots: [], retiredRoots: [], destroyedKeys: [] };

interface CompletedErasure {
  /** The webhooks of the sessions that it ended. */
  readonly deliveries: readonly Delivery[];
  /** Until then an escrowed copy of a root from before may exist; undefined when none may. */
  readonly irrecoverableAtMs: number | undefined;
}

/**
 * Takes an erasure from its intent to its end: destroys the key, removes what is left, ends every
 * session that waits for it. Repeatable.
 */
export async function completeErasure(
  deps: OperationDeps,
  erasure: Erasure,
  finish: {
    uuid?: string;
    effect?: (stores: Stores, irrecoverableAtMs: number | undefined) => Promise<void>;
  } = {},
): Promise<CompletedErasure> {
  // The erasure point: afterwards nothing may be reported as not deleted.
  const shredded = await shred(deps, erasure);
  const { irrecoverableAtMs } = shredded;

  const uuid = finish.uuid ?? erasure.intent?.uuid;
  const done = await deps.store.transaction(async (stores) => {
    const scope = await removeRemains(stores, erasure);
    const canceled =
      scope === undefined ? [] : await complete(deps, stores, { erasure, shredded, scope });
    const deliveries: Delivery[] = [];
    for (const session of await stores.sessions.findOpenOfErasure(erasure.erasureId)) {
      const delivery = await endDeleteSession(deps, stores, { session, uuid });
      if (delivery !== undefined) deliveries.push(delivery);
    }
    await finish.effect?.(stores, irrecoverableAtMs);
    return { isCompleted: scope !== undefined, deliveries, canceled };
  });
  for (const delivery of done.canceled) deps.deliveries.enqueued(delivery);
  if (done.isCompleted) deps.watch.erasureCompleted({ tenantId: erasure.tenantId });
  return { deliveries: done.deliveries, irrecoverableAtMs };
}

/** What the destruction of the key left behind; of a completed erasure, what was recorded. */
type Remains = Omit<Shredded, 'irrecoverableAtMs'> & {
  /** Until when an escrowed root may still open the key; undefined when none may. */
  readonly irrecoverableAtMs: number | undefined;
};

async function shred(deps: OperationDeps, { intent, ...erasure }: Erasure): Promise<Remains> {
  const shredded =
    intent === undefined
      ? { ...NOTHING_SHREDDED, irrecoverableAtMs: erasure.irrecoverableAtMs ?? 0 }
      : await deps.vault.shred(intent.keyIds);
  const { irrecoverableAtMs } = shredded;
  return {
    ...shredded,
    irrecoverableAtMs: irrecoverableAtMs > deps.clock.nowMs() ? irrecoverableAtMs : undefined,
  };
}

/**
 * The end of an erasure: its leaf, the claims of its receipt, and whoever waits for the subject. Returns
 * the webhooks of the sessions that end with it.
 */
async function complete(
  deps: OperationDeps,
  stores: Stores,
  { erasure, shredded, scope }: { erasure: Erasure; shredded: Remains; scope: ErasureScope },
): Promise<readonly Delivery[]> {
  const { erasureId, tenantId } = erasure;
  const { uuid = '', sessionId } = erasure.intent ?? {};
  const { irrecoverableAtMs } = shredded;
  const asked = sessionId === undefined ? undefined : await stores.sessions.find(sessionId);
  const { entry, stored } = deps.receipts.draft({
    tenantId,
    erasureId,
    uuid,
    asked,
    scope,
    ...shredded,
  });
  await stores.audit.append(entry);
  await stores.erasures.complete(erasureId, {
    completedAtMs: deps.clock.nowMs(),
    ...(irrecoverableAtMs !== undefined && { irrecoverableAtMs }),
    receipt: stored,
  });
  return await cancelSessionsOf(deps, stores, { tenantId, uuid });
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
  { session, uuid }: { session: Session; uuid: string | undefined },
): Promise<Delivery | undefined> {
  return await endSession(deps, stores, {
    session,
    ending: {
      state: 'SUCCESS',
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
): Promise<readonly Delivery[]> {
  const deliveries: Delivery[] = [];
  for (const session of await stores.sessions.findOpenOfSubject(name)) {
    const delivery = await endSession(deps, stores, {
      session,
      ending: {
        state: 'CANCELED',
        uuid: null,
        op: 'CANCEL',
        message: 'Session canceled',
        errors: [],
      },
    });
    if (delivery !== undefined) deliveries.push(delivery);
  }
  return deliveries;
}
