import type { Principal } from '../access/authenticate.js';
import { newEntry } from '../audit/reviews/record.js';
import type { Delivery } from '../callbacks/delivery-store.js';
import { ServiceError } from '../errors/service-error.js';
import type { ReplayRequest, ReplayResponse } from '../lib/messages.js';
import type { Answer, Remember } from './answer.js';
import { deliveryViewer } from './delivery-view.js';
import type { OperationDeps } from './deps.js';
import { filterOf } from './read-deliveries.js';
import type { Stores } from './unit-of-work.js';

const MOST_AT_ONCE = 100;

type Outcome = Delivery | 'superseded' | 'removed';

/**
 * POST /v2/deliveries/{deliveryId}/replay: sends a webhook again, under the same webhook-id, with its whole
 * schedule before it. The caller has the scope deliveries:write. Throws NOT_FOUND for unknown and foreign
 * alike, EVENT_SUPERSEDED for an event that a later one of its session followed.
 */
export async function replayDelivery(
  deps: OperationDeps,
  request: { principal: Principal; deliveryId: string; remember: Remember },
): Promise<Answer> {
  const { principal, deliveryId, remember } = request;
  const { tenantId } = principal;
  const view = await deliveryViewer(deps, tenantId);
  const { answer, replayed } = await deps.store.transaction(async (stores) => {
    const outcome = await replay(deps, stores, { tenantId, deliveryId });
    if (outcome === 'removed') throw new ServiceError('NOT_FOUND');
    if (outcome === 'superseded') throw new ServiceError('EVENT_SUPERSEDED');
    await stores.audit.append(replayEntry(deps, principal, outcome));
    const done: Answer = { status: 202, body: view(outcome) };
    await remember(stores, done);
    return { answer: done, replayed: outcome };
  });
  deps.deliveries.enqueued(replayed);
  return answer;
}

/**
 * POST /v2/deliveries/replay: the same for webhooks that were created in a time, newest first, at most 100
 * for each request; those that cannot be sent again are told apart. The caller has the scope
 * deliveries:write.
 */
export async function replayDeliveries(
  deps: OperationDeps,
  request: { principal: Principal; range: ReplayRequest; remember: Remember },
): Promise<Answer> {
  const { principal, range, remember } = request;
  const { tenantId } = principal;
  const { before, state = 'failed', ...rest } = range;
  const filter = filterOf(tenantId, { ...rest, state });
  const { answer, replayed } = await deps.store.transaction(async (stores) => {
    const page = { filter, beforeDeliveryId: before, limit: MOST_AT_ONCE };
    const found = await stores.deliveries.list(page);
    const outcomes: Outcome[] = [];
    for (const { deliveryId } of found)
      outcomes.push(await replay(deps, stores, { tenantId, deliveryId }));
    await stores.audit.append(replayEntry(deps, principal, { origin: filter.origin }));
    const done: Answer = { status: 202, body: rangeAnswer(found, outcomes) };
    await remember(stores, done);
    return { answer: done, replayed: outcomes.filter((outcome) => typeof outcome === 'object') };
  });
  for (const delivery of replayed) deps.deliveries.enqueued(delivery);
  return answer;
}

/** Nothing may follow the last event of a session. */
async function replay(
  deps: OperationDeps,
  stores: Stores,
  which: { tenantId: string; deliveryId: string },
): Promise<Outcome> {
  const delivery = await stores.deliveries.find(which.deliveryId);
  if (delivery?.tenantId !== which.tenantId) return 'removed';
  const isEarlier = delivery.eventType === 'session.started';
  if (isEarlier && (await stores.deliveries.findBySession(delivery.sessionId)) !== undefined)
    return 'superseded';
  const nowMs = deps.clock.nowMs();
  return (await stores.deliveries.replay({ ...which, nowMs })) ?? 'superseded';
}

function rangeAnswer(found: readonly Delivery[], outcomes: readonly Outcome[]): ReplayResponse {
  const items = found.map(({ deliveryId }, index) => {
    const outcome = outcomes[index] ?? 'removed';
    return { deliveryId, outcome: typeof outcome === 'object' ? ('replayed' as const) : outcome };
  });
  const next = found.length === MOST_AT_ONCE ? found.at(-1)?.deliveryId : undefined;
  return { items, ...(next !== undefined && { next }) };
}

function replayEntry(
  deps: OperationDeps,
  { tenantId, clientId }: Principal,
  { deliveryId, origin }: { deliveryId?: string; origin?: string | undefined },
): ReturnType<typeof newEntry> {
  const who = { tenantId, clientId };
  return newEntry(deps, { op: 'WEBHOOK', outcome: 'succeeded', ...who, deliveryId, origin });
}
