import type { Commitments } from '../crypto/commitment.js';
import { sha256 } from '../crypto/hash.js';
import type { Sealer } from '../crypto/sealer.js';
import { ServiceError } from '../errors/service-error.js';
import { base64url, utf8, utf8Text } from '../lib/bytes.js';
import { canonicalJson } from '../lib/canonical-json.js';
import { type Clock, DAY_MS, MINUTE_MS } from '../lib/clock.js';
import type { IdempotencyUse, StoredAnswer } from '../sessions/idempotency-store.js';
import type { Answer, Remember } from './answer.js';
import type { UnitOfWork } from './unit-of-work.js';

const LEASE_MS = MINUTE_MS;
const KEPT_MS = DAY_MS;

interface Deps {
  readonly store: UnitOfWork;
  readonly sealer: Sealer;
  readonly commitments: Commitments;
  readonly clock: Clock;
  readonly sequencer: { settle(): Promise<void> };
}

/** A request that may carry an Idempotency-Key. */
export interface KeyedRequest {
  readonly key: string | undefined;
  readonly scope: string;
  /** What makes two requests the same one. */
  readonly content: unknown;
}

/**
 * Runs an operation once for each Idempotency-Key: a repeated request gets the first answer, byte
 * for byte, for 24 hours. Throws IDEMPOTENCY_MISMATCH when the key was used with another request and
 * IDEMPOTENCY_IN_FLIGHT while the first one runs. An operation that fails gives the key back.
 */
export async function runOnce(
  deps: Deps,
  request: KeyedRequest,
  work: (remember: Remember) => Promise<Answer>,
): Promise<Answer> {
  if (request.key === undefined) return await work(async () => undefined);
  const use: IdempotencyUse = { scope: request.scope, key: base64url(sha256(request.key)) };
  const stored = await takeKey(deps, use, request.content);
  if (stored !== undefined) {
    // The first answer may have been lost before its audit entry had its place.
    await deps.sequencer.settle();
    return openAnswer(deps.sealer, use, stored);
  }
  try {
    return await work(async (stores, answer) => {
      const expiresAtMs = deps.clock.nowMs() + KEPT_MS;
      await stores.idempotency.finish({
        ...use,
        answer: sealAnswer(deps.sealer, use, answer),
        expiresAtMs,
      });
    });
  } catch (error) {
    await deps.store.idempotency.abandon(use);
    throw error;
  }
}

async function takeKey(
  deps: Deps,
  use: IdempotencyUse,
  content: unknown,
): Promise<StoredAnswer | undefined> {
  const nowMs = deps.clock.nowMs();
  const fingerprint = deps.commitments.request(canonicalJson(content));
  const start = await deps.store.idempotency.start({
    ...use,
    fingerprint,
    nowMs,
    leaseUntilMs: nowMs + LEASE_MS,
  });
  switch (start.outcome) {
    case 'started':
      return undefined;
    case 'finished':
      return start.answer;
    case 'mismatch':
      throw new ServiceError('IDEMPOTENCY_MISMATCH');
    case 'in-flight':
      throw new ServiceError('IDEMPOTENCY_IN_FLIGHT', { retryAfterSeconds: 1 });
  }
}

function sealAnswer(sealer: Sealer, use: IdempotencyUse, answer: Answer): StoredAnswer {
  const { status, ...kept } = answer;
  return {
    status,
    sealedBody: sealer.seal(utf8(JSON.stringify(kept)), 'answer', use.scope, use.key),
  };
}

function openAnswer(sealer: Sealer, use: IdempotencyUse, stored: StoredAnswer): Answer {
  const text = utf8Text(sealer.open(stored.sealedBody, 'answer', use.scope, use.key));
  return { status: stored.status, ...(JSON.parse(text) as Pick<Answer, 'body'>) };
}
