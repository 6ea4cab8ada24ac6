import { allowsHost } from '../access/host-list.js';
import type { WebhookTerms } from '../access/webhook-terms.js';
import { SealBroken } from '../crypto/seal.js';
import type { SigningKey } from '../crypto/signing-key.js';
import { type Clock, isoTime } from '../lib/clock.js';
import { type Callback, openCallback } from './callback.js';
import type { DaySealer } from './day-sealer.js';
import type { AttemptResult, Delivery } from './delivery-store.js';
import { type Verdict, verdictOf } from './destination-health.js';
import { signHttpMessage } from './http-signature.js';
import { followUp, type RetrySchedule } from './retry-schedule.js';
import { signWebhook } from './signature.js';
import type { SendResult, WebhookSender } from './webhook-sender.js';

/** More than a schedule and several replays have. */
const KEPT_ATTEMPTS = 50;

export interface AttemptDeps {
  readonly sender: WebhookSender;
  readonly daySealer: DaySealer;
  readonly signingKey: SigningKey;
  /** The exact body to send now; undefined when its key is gone. Throws SealBroken when it does not open. */
  bodyOf(delivery: Delivery): Promise<Uint8Array | undefined>;
  /** How the tenant's webhooks are to be sent now; wiped after each use. */
  termsOf(tenantId: string): Promise<WebhookTerms>;
  readonly schedule: RetrySchedule;
  readonly clock: Clock;
}

/** What became of an attempt, and what it says of the destination. */
export interface AttemptOutcome extends AttemptResult {
  readonly verdict: Verdict;
}

/** Sends a delivery once and says what follows; throws only when body or terms cannot be had now. */
export async function attemptDelivery(
  deps: AttemptDeps,
  delivery: Delivery,
): Promise<AttemptOutcome> {
  const attemptedAtMs = deps.clock.nowMs();
  const beganAtMs = performance.now();
  const content = await openContent(deps, delivery);
  // Bytes that do not open now will not open later, but the schedule gives time to mend the key.
  const result = content && (await send(deps, { ...content, attemptedAtMs, delivery }));
  const attempt = {
    atMs: attemptedAtMs,
    durationMs: Math.round(performance.now() - beganAtMs),
    outcome: result === undefined ? 'UNREADABLE' : outcomeOf(result),
  };
  return {
    attempt,
    attemptLog: [...delivery.attemptLog, attempt].slice(-KEPT_ATTEMPTS),
    verdict: result === undefined ? { kind: 'nothing' } : verdictOf(result),
    next: followUp(deps.schedule, {
      attempts: delivery.attempts + 1,
      endedAtMs: deps.clock.nowMs(),
      result: result ?? { kind: 'failed', code: 'PROTOCOL' },
    }),
  };
}

interface Content {
  readonly callback: Callback;
  readonly body: Uint8Array;
}

/** Undefined when the key of its day is gone, or the bytes are not what they should be. */
async function openContent(deps: AttemptDeps, delivery: Delivery): Promise<Content | undefined> {
  try {
    const callback = await openCallback(deps.daySealer, delivery);
    const body = callback && (await deps.bodyOf(delivery));
    return callback && body && { callback, body };
  } catch (error) {
    if (error instanceof SealBroken) return undefined;
    throw error;
  }
}

interface Attempt extends Content {
  readonly attemptedAtMs: number;
  readonly delivery: Delivery;
}

async function send(deps: AttemptDeps, attempt: Attempt): Promise<SendResult> {
  const { callback, body, delivery } = attempt;
  const terms = await deps.termsOf(delivery.tenantId);
  const headers = await headersOf(deps, attempt, terms).finally(() => {
    terms.wipe();
  });
  // The list may have changed since the callback was accepted.
  if (!allowsHost(terms.callbackHosts, new URL(callback.url).hostname)) {
    return { kind: 'failed', code: 'BLOCKED_ADDRESS' };
  }
  const { tls } = terms;
  return await deps.sender.send({ url: callback.url, headers, body, ...(tls && { tls }) });
}

async function headersOf(
  { signingKey, schedule }: AttemptDeps,
  attempt: Attempt,
  { secrets, httpSignatures }: WebhookTerms,
): Promise<Readonly<Record<string, string>>> {
  const { callback, body, attemptedAtMs } = attempt;
  const { deliveryId } = attempt.delivery;
  const keys = { signingKey, secrets };
  const signatures = await signWebhook(keys, { deliveryId, attemptedAtMs, body });
  // What vouches for the message comes last: nothing of the caller's can take its place.
  const headers = {
    'user-agent': 'Lethe',
    ...callback.headers,
    'content-type': 'application/json',
    ...attemptHeaders(schedule, attempt),
    ...signatures,
  };
  if (!httpSignatures) return headers;
  const message = { url: callback.url, headers, body };
  return { ...headers, ...(await signHttpMessage(signingKey, message)) };
}

/** For the receiver's log: which attempt this is, how many may follow, and when the first one was. */
function attemptHeaders(
  { delaysMs }: RetrySchedule,
  { delivery, attemptedAtMs }: { delivery: Delivery; attemptedAtMs: number },
): Readonly<Record<string, string>> {
  const attempt = delivery.attempts + 1;
  return {
    'webhook-attempt': attempt.toString(),
    'webhook-attempts-left': Math.max(0, delaysMs.length - attempt).toString(),
    'webhook-first-attempted-at': isoTime(delivery.attemptLog[0]?.atMs ?? attemptedAtMs),
  };
}

function outcomeOf(result: SendResult): string {
  return result.kind === 'answered' ? result.status.toString() : result.code;
}
