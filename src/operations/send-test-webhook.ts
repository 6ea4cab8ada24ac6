import type { Principal } from '../access/authenticate.js';
import { newEntry } from '../audit/reviews/record.js';
import { acceptCallback } from '../callbacks/callback.js';
import { newTestDelivery } from '../callbacks/outbox.js';
import type { TestWebhookRequest } from '../lib/messages.js';
import type { Answer, Remember } from './answer.js';
import { deliveryViewer } from './delivery-view.js';
import type { OperationDeps } from './deps.js';

/**
 * POST /v2/deliveries/test: sends an event of no session, signed and repeated as every other. The
 * caller has the scope deliveries:write. Throws as a session does for its callback.
 */
export async function sendTestWebhook(
  deps: OperationDeps,
  request: { principal: Principal; body: TestWebhookRequest; remember: Remember },
): Promise<Answer> {
  const { principal, body, remember } = request;
  const { tenantId, clientId } = principal;
  const tenant = await deps.store.access.findTenant(tenantId);
  const allowed = { policy: deps.addressPolicy, hosts: tenant?.callbackHosts ?? [] };
  const callback = acceptCallback(allowed, body.callback);
  const nowMs = deps.clock.nowMs();
  const delivery = newTestDelivery(deps.daySeals, { tenantId, callback, nowMs });
  const view = await deliveryViewer(deps, tenantId);
  const answer = { status: 202, body: view(delivery) };
  await deps.store.transaction(async (stores) => {
    await stores.deliveries.insert(delivery);
    const { deliveryId, origin } = delivery;
    const sent = { op: 'WEBHOOK', outcome: 'succeeded', tenantId, clientId } as const;
    await stores.audit.append(newEntry(deps, { ...sent, deliveryId, origin }));
    await remember(stores, answer);
  });
  deps.deliveries.enqueued(delivery);
  return answer;
}
