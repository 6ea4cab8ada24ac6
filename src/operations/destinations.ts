import type { Principal } from '../access/authenticate.js';
import { requireScope } from '../access/require-scope.js';
import { newEntry } from '../audit/reviews/record.js';
import type { DestinationHealth } from '../callbacks/destination-store.js';
import { ServiceError } from '../errors/service-error.js';
import { isoTime } from '../lib/clock.js';
import type { DestinationList, DestinationView, EnableResponse } from '../lib/messages.js';
import type { Answer, Remember } from './answer.js';
import type { OperationDeps } from './deps.js';
import { normalOrigin } from './read-deliveries.js';

/** GET /v2/destinations. Throws FORBIDDEN for a client without the scope deliveries:read. */
export async function listDestinations(
  deps: OperationDeps,
  { principal }: { principal: Principal },
): Promise<DestinationList> {
  requireScope(principal, 'deliveries:read');
  const unhealthy = await deps.store.destinations.list(principal.tenantId);
  return { items: unhealthy.map((health) => view(health, deps.clock.nowMs())) };
}

/**
 * POST /v2/destinations/enable: forgets that a destination failed, was paused or disabled, so that what
 * was held is sent now. The caller has the scope deliveries:write. Throws NOT_FOUND when there is nothing to
 * forget.
 */
export async function enableDestination(
  deps: OperationDeps,
  request: { principal: Principal; origin: string; remember: Remember },
): Promise<Answer> {
  const { principal, remember } = request;
  const { tenantId, clientId } = principal;
  const origin = normalOrigin(request.origin);
  const body: EnableResponse = { origin, status: 'enabled' };
  const answer = { status: 200, body };
  await deps.store.transaction(async (stores) => {
    if (!(await stores.destinations.enable({ tenantId, origin })))
      throw new ServiceError('NOT_FOUND');
    const enabled = { op: 'WEBHOOK', outcome: 'succeeded', tenantId, clientId } as const;
    await stores.audit.append(newEntry(deps, { ...enabled, origin }));
    await remember(stores, answer);
  });
  deps.deliveries.wake();
  return answer;
}

function view(health: DestinationHealth, nowMs: number): DestinationView {
  const { pausedUntilMs, disabledAtMs, disabledBecause } = health;
  return {
    origin: health.origin,
    state: stateOf(health, nowMs),
    failingSince: isoTime(health.failingSinceMs),
    lastFailureAt: isoTime(health.lastFailureAtMs),
    lastOutcome: health.lastOutcome,
    failures: health.failures,
    ...(pausedUntilMs !== undefined &&
      pausedUntilMs > nowMs && { pausedUntil: isoTime(pausedUntilMs) }),
    ...(disabledAtMs !== undefined && { disabledAt: isoTime(disabledAtMs) }),
    ...(disabledBecause !== undefined && { disabledBecause }),
  };
}

function stateOf(
  { disabledAtMs, pausedUntilMs = 0 }: DestinationHealth,
  nowMs: number,
): DestinationView['state'] {
  if (disabledAtMs !== undefined) return 'disabled';
  return pausedUntilMs > nowMs ? 'paused' : 'failing';
}
