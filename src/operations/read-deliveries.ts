import type { Principal } from '../access/authenticate.js';
import { requireScope } from '../access/require-scope.js';
import type { DeliveryFilter } from '../callbacks/delivery-store.js';
import { invalidAt, ServiceError } from '../errors/service-error.js';
import { isoTime } from '../lib/clock.js';
import type { DeliveryList, DeliveryQuery, DeliveryView } from '../lib/messages.js';
import { deliveryViewer } from './delivery-view.js';
import type { OperationDeps } from './deps.js';

const DEFAULT_LIMIT = 50;

/** GET /v2/deliveries. Throws FORBIDDEN for a client without the scope deliveries:read. */
export async function listDeliveries(
  deps: OperationDeps,
  { principal, query }: { principal: Principal; query: DeliveryQuery },
): Promise<DeliveryList> {
  requireScope(principal, 'deliveries:read');
  const { tenantId } = principal;
  const limit = Number(query.limit ?? DEFAULT_LIMIT);
  const page = { filter: filterOf(tenantId, query), beforeDeliveryId: query.before };
  // One more than asked for shows whether there is another page.
  const found = await deps.store.deliveries.list({ ...page, limit: limit + 1 });
  const view = await deliveryViewer(deps, tenantId);
  const items = found.slice(0, limit).map(view);
  const next = found.length > limit ? items.at(-1)?.deliveryId : undefined;
  return { items, ...(next !== undefined && { next }) };
}

/**
 * GET /v2/deliveries/{deliveryId}, with its attempts. Throws FORBIDDEN for a client without the scope
 * deliveries:read, NOT_FOUND for unknown and foreign alike.
 */
export async function readDelivery(
  deps: OperationDeps,
  { principal, deliveryId }: { principal: Principal; deliveryId: string },
): Promise<DeliveryView> {
  requireScope(principal, 'deliveries:read');
  const { tenantId } = principal;
  const delivery = await deps.store.deliveries.find(deliveryId);
  if (delivery?.tenantId !== tenantId) throw new ServiceError('NOT_FOUND');
  const view = await deliveryViewer(deps, tenantId);
  const attemptLog = delivery.attemptLog.map(({ atMs, ...attempt }) => ({
    at: isoTime(atMs),
    ...attempt,
  }));
  return { ...view(delivery), attemptLog };
}

/**
 * What a request says of state, origin, session and time, as the store understands it. Throws
 * VALIDATION_FAILED for a time that no calendar has, a span that ends before it begins, and what is no
 * origin: each would find nothing, without saying so.
 */
export function filterOf(
  tenantId: string,
  { state, sessionId, origin, from, until }: DeliveryQuery,
): DeliveryFilter {
  const fromMs = timeAt('/from', from);
  const untilMs = timeAt('/until', until);
  if (fromMs !== undefined && untilMs !== undefined && untilMs <= fromMs)
    throw invalidAt('/until', 'must be later than from');
  return { tenantId, state, sessionId, origin: origin && normalOrigin(origin), fromMs, untilMs };
}

/** As it is stored, so that `https://Example.com:443` finds what it means. Throws VALIDATION_FAILED. */
export function normalOrigin(origin: string): string {
  if (!URL.canParse(origin)) throw invalidAt('/origin', 'must be scheme, host and port');
  return new URL(origin).origin;
}

function timeAt(pointer: string, text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const timeMs = Date.parse(text);
  // A leap second has the form of a time.
  if (Number.isNaN(timeMs)) throw invalidAt(pointer, 'must be a time with seconds from 00 to 59');
  return timeMs;
}
