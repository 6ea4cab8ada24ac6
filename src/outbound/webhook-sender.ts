import { Pool } from 'undici';
import type {
  SendFailure,
  SendResult,
  WebhookMessage,
  WebhookSender,
  WebhookTls,
} from '../callbacks/webhook-sender.js';
import { SECOND_MS } from '../lib/clock.js';
import type { EgressPolicy } from './address-policy.js';
import { DestinationPools } from './destination-pools.js';
import {
  ConnectFailure,
  type ConnectorParts,
  createGuardedConnector,
} from './guarded-connector.js';
import { DeadlineError, postOnce } from './post-once.js';

const DEADLINE_MS = 15 * SECOND_MS;
const BODY_LIMIT_BYTES = 65_536;
const BODY_LIMIT_MS = 2 * SECOND_MS;
const IDLE_MS = 4 * SECOND_MS;
const MAX_POOLS = 256;

export interface SenderParts extends ConnectorParts {
  readonly deadlineMs?: number;
}

export interface ClosableSender extends WebhookSender {
  /** Ends every connection; what is under way, and every later send, fails with CLOSED. */
  close(): Promise<void>;
}

/**
 * Sends webhooks through the guarded connector. Connections are used again for the same origin and
 * the same TLS identity only, so that no tenant's certificate vouches for another's message.
 */
export function createWebhookSender(policy: EgressPolicy, parts: SenderParts = {}): ClosableSender {
  const deadlineMs = parts.deadlineMs ?? DEADLINE_MS;
  const limits = { deadlineMs, bodyBytes: BODY_LIMIT_BYTES, bodyMs: BODY_LIMIT_MS };
  const pools = new DestinationPools(MAX_POOLS);
  let isClosed = false;

  /** Of as many connections as are asked for: the worker bounds how many messages are under way. */
  function openPool(origin: string, tls: WebhookTls | undefined): Pool {
    return new Pool(origin, {
      connect: createGuardedConnector(policy, { ...parts, ...tls }),
      keepAliveTimeout: IDLE_MS,
      keepAliveMaxTimeout: IDLE_MS,
      headersTimeout: deadlineMs,
      bodyTimeout: deadlineMs,
    });
  }

  async function post(message: WebhookMessage): Promise<SendResult> {
    const url = new URL(message.url);
    const { headers, body, tls } = message;
    const post = { path: url.pathname + url.search, headers, body };
    const destination = {
      name: `${url.origin} ${tls?.identity ?? ''}`,
      open: () => openPool(url.origin, tls),
    };
    const answer = await pools.use(destination, (pool) => postOnce(pool, post, limits));
    const retryAfterSeconds = parseRetryAfter(answer.headers['retry-after']);
    return {
      kind: 'answered',
      status: answer.status,
      ...(retryAfterSeconds !== undefined && { retryAfterSeconds }),
      ...(answer.headers['webhook-delivery'] === 'abort-message' && { isAborted: true }),
    };
  }

  function failed(error: unknown): SendResult {
    return { kind: 'failed', code: isClosed ? 'CLOSED' : failureOf(error) };
  }

  return {
    async send(message) {
      if (isClosed) return { kind: 'failed', code: 'CLOSED' };
      // The operator may have changed the rules since the callback was accepted.
      if (policy.refusal(message.url) !== undefined) {
        return { kind: 'failed', code: 'BLOCKED_ADDRESS' };
      }
      try {
        return await post(message);
      } catch (error) {
        return failed(error);
      }
    },
    async close() {
      isClosed = true;
      await pools.destroy();
    },
  };
}

/** RFC 9110 §10.2.3: seconds, or a date. */
function parseRetryAfter(value: string | string[] | undefined): number | undefined {
  if (typeof value !== 'string') return undefined;
  if (/^\d{1,9}$/.test(value)) return Number(value);
  const atMs = /^[A-Z][a-z]{2},/.test(value) ? Date.parse(value) : Number.NaN;
  return Number.isNaN(atMs) ? undefined : Math.max(0, Math.ceil((atMs - Date.now()) / SECOND_MS));
}

function failureOf(error: unknown): SendFailure {
  if (error instanceof ConnectFailure) return error.code;
  if (error instanceof DeadlineError) return 'TIMEOUT';
  // By name and code, because core's errors may be of another realm's Error.
  const { code } = error as { code?: unknown };
  if (code === 'UND_ERR_HEADERS_TIMEOUT') return 'TIMEOUT';
  if (code === 'UND_ERR_HEADERS_OVERFLOW') return 'RESPONSE_TOO_LARGE';
  const isReset = code === 'UND_ERR_SOCKET' || code === 'ECONNRESET' || code === 'EPIPE';
  return isReset ? 'RESET' : 'PROTOCOL';
}
