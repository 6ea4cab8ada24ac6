import type { Dispatcher } from 'undici';
import type {
  SendFailure,
  SendResult,
  WebhookMessage,
  WebhookSender,
} from '../callbacks/webhook-sender.js';
import { SECOND_MS } from '../lib/clock.js';
import type { EgressPolicy } from './address-policy.js';
import { DestinationPools } from './destination-pools.js';
import {
  ConnectFailure,
  type ConnectorParts,
  createGuardedConnector,
} from './guarded-connector.js';

const DEADLINE_MS = 15 * SECOND_MS;
/** How much of an answer's body is read, and for how long, before its connection is given up. */
const BODY_LIMIT_BYTES = 65_536;
const BODY_LIMIT_MS = 2 * SECOND_MS;
const IDLE_MS = 4 * SECOND_MS;
const MAX_POOLS = 256;
const CONNECTIONS_PER_DESTINATION = 16;

export interface SenderParts extends ConnectorParts {
  readonly deadlineMs?: number;
}

export interface ClosableSender extends WebhookSender {
  /** Ends every connection; what is under way, and every later send, fails with CLOSED. */
  close(): Promise<void>;
}

/** Sends webhooks through the guarded connector. */
export function createWebhookSender(policy: EgressPolicy, parts: SenderParts = {}): ClosableSender {
  const deadlineMs = parts.deadlineMs ?? DEADLINE_MS;
  const pools = new DestinationPools(
    {
      connect: createGuardedConnector(policy, parts),
      connections: CONNECTIONS_PER_DESTINATION,
      keepAliveTimeout: IDLE_MS,
      keepAliveMaxTimeout: IDLE_MS,
      headersTimeout: deadlineMs,
      bodyTimeout: deadlineMs,
    },
    MAX_POOLS,
  );
  let isClosed = false;

  async function post(message: WebhookMessage): Promise<SendResult> {
    const url = new URL(message.url);
    const signal = AbortSignal.timeout(deadlineMs);
    return await pools.use(url.origin, async (pool) => {
      const response = await pool.request({
        method: 'POST',
        path: url.pathname + url.search,
        headers: message.headers,
        body: message.body,
        signal,
      });
      await drop(response.body);
      const retryAfterSeconds = parseRetryAfter(response.headers['retry-after']);
      return {
        kind: 'answered',
        status: response.statusCode,
        ...(retryAfterSeconds === undefined ? {} : { retryAfterSeconds }),
        ...(response.headers['webhook-delivery'] === 'abort-message' && { isAborted: true }),
      };
    });
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

/** Reads a little, so that the connection can be used again; the status alone is the answer. */
async function drop(body: Dispatcher.ResponseData['body']): Promise<void> {
  try {
    await body.dump({ limit: BODY_LIMIT_BYTES, signal: AbortSignal.timeout(BODY_LIMIT_MS) });
  } catch {
    // The connection is gone, which is all that was wanted.
  }
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
  // By name and code, because core's errors may be of another realm's Error.
  const { name, code } = error as { name?: unknown; code?: unknown };
  if (name === 'TimeoutError' || code === 'UND_ERR_HEADERS_TIMEOUT') return 'TIMEOUT';
  if (code === 'UND_ERR_HEADERS_OVERFLOW') return 'RESPONSE_TOO_LARGE';
  const isReset = code === 'UND_ERR_SOCKET' || code === 'ECONNRESET' || code === 'EPIPE';
  return isReset ? 'RESET' : 'PROTOCOL';
}
