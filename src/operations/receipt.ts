import type { Principal } from '../access/authenticate.js';
import type { Delivery } from '../callbacks/delivery-store.js';
import { openBody } from '../callbacks/outbox.js';
import { ServiceError } from '../errors/service-error.js';
import { utf8, utf8Text } from '../lib/bytes.js';
import type { ReceiptResponse } from '../lib/messages.js';
import type { Answer } from './answer.js';
import type { OperationDeps } from './deps.js';

/**
 * Puts the receipt of an erasure into the answer that reports it. Waits for the witnesses first, for
 * a bounded time: what they cosign later, `GET /v2/erasures/{erasureId}/receipt` has.
 */
export async function withReceipt(deps: OperationDeps, answer: Answer): Promise<Answer> {
  const { erasureId, ...rest } = answer;
  if (erasureId === undefined) return answer;
  await deps.log.untilWitnessed();
  const receipt = await receiptOf(deps, erasureId);
  return receipt === undefined ? rest : { ...rest, body: { ...rest.body, receipt } };
}

/** GET /v2/erasures/{erasureId}/receipt. Throws NOT_FOUND for unknown, foreign and forgotten alike. */
export async function readReceipt(
  deps: OperationDeps,
  request: { principal: Principal; erasureId: string },
): Promise<ReceiptResponse> {
  const { principal, erasureId } = request;
  const erasure = await deps.store.erasures.find(erasureId);
  if (erasure?.tenantId !== principal.tenantId || erasure.receipt === undefined)
    throw new ServiceError('NOT_FOUND');
  const receipt = await deps.receipts.issue(erasure.receipt);
  if (receipt === undefined) throw new ServiceError('NOT_FOUND');
  return { erasureId, receipt };
}

/**
 * The exact bytes of a webhook as it is sent or read now: that of a DELETE carries the receipt.
 * Undefined when the key of its day is gone.
 */
export async function webhookBody(
  deps: OperationDeps,
  delivery: Delivery,
): Promise<Uint8Array | undefined> {
  const body = await openBody(deps.daySeals, delivery);
  if (body === undefined || delivery.erasureId === undefined) return body;
  const receipt = await receiptOf(deps, delivery.erasureId);
  if (receipt === undefined) return body;
  return utf8(JSON.stringify({ ...(JSON.parse(utf8Text(body)) as object), receipt }));
}

async function receiptOf(deps: OperationDeps, erasureId: string): Promise<string | undefined> {
  const erasure = await deps.store.erasures.find(erasureId);
  return erasure?.receipt && (await deps.receipts.issue(erasure.receipt));
}
