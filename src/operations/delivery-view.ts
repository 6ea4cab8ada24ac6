import type { Delivery } from '../callbacks/delivery-store.js';
import type { Destination, DestinationHealth } from '../callbacks/destination-store.js';
import { isoTime } from '../lib/clock.js';
import type { DeliveryView } from '../lib/messages.js';
import type { OperationDeps } from './deps.js';

/** Makes the views of a tenant's deliveries, with one look at its destinations. */
export async function deliveryViewer(
  deps: OperationDeps,
  tenantId: string,
): Promise<(delivery: Delivery) => DeliveryView> {
  const unhealthy = await deps.store.destinations.list(tenantId);
  const closed = unhealthy.filter((health) => isClosed(health, deps.clock.nowMs()));
  const isHeld = ({ origin }: Pick<Destination, 'origin'>): boolean =>
    closed.some((health) => health.origin === origin);
  return (delivery) => view(delivery, delivery.state === 'pending' && isHeld(delivery));
}

function isClosed({ disabledAtMs, pausedUntilMs = 0 }: DestinationHealth, nowMs: number): boolean {
  return disabledAtMs !== undefined || pausedUntilMs > nowMs;
}

function view(delivery: Delivery, isHeld: boolean): DeliveryView {
  const { state, dueAtMs, endedAtMs } = delivery;
  const lastOutcome = delivery.attemptLog.at(-1)?.outcome;
  return {
    deliveryId: delivery.deliveryId,
    sessionId: delivery.sessionId,
    event: delivery.eventType,
    origin: delivery.origin,
    state,
    attempts: delivery.attempts,
    createdAt: isoTime(delivery.createdAtMs),
    ...(state === 'pending' && { dueAt: isoTime(dueAtMs) }),
    ...(endedAtMs !== undefined && { endedAt: isoTime(endedAtMs) }),
    ...(lastOutcome !== undefined && { lastOutcome }),
    ...(isHeld && { isHeld }),
  };
}
