import ipaddr from 'ipaddr.js';
import { type Dispatcher, Pool } from 'undici';
import type { WitnessChannel } from '../audit/witness/witness-channel.js';
import { SECOND_MS } from '../lib/clock.js';
import { hostOf, isLocalhost } from './address-policy.js';
import { DestinationPools } from './destination-pools.js';

const DEADLINE_MS = 5 * SECOND_MS;
const ANSWER_LIMIT_BYTES = 16_384;
/** Shorter than witnesses keep an idle connection (`http/witness-server.ts`). */
const IDLE_MS = 30 * SECOND_MS;
const MAX_POOLS = 64;
/** One question at a time goes to each witness. */
const CONNECTIONS_PER_WITNESS = 2;

/** Why there is no answer. */
type WitnessFailure =
  /** The address is neither https nor http on this machine. */
  | 'ADDRESS'
  | 'TIMEOUT'
  | 'UNREACHABLE'
  | 'BROKEN_OFF'
  | 'CERTIFICATE'
  | 'PROTOCOL'
  | 'TOO_LONG'
  | 'CLOSED';

class WitnessChannelError extends Error {
  override readonly name = 'WitnessChannelError';
  readonly code: WitnessFailure;

  constructor(code: WitnessFailure, options?: ErrorOptions) {
    super(`a witness cannot be asked: ${code}`, options);
    this.code = code;
  }
}

interface Parts {
  /** Further authorities, PEM. */
  readonly ca?: string;
  readonly deadlineMs?: number;
}

export interface ClosableWitnessChannel extends WitnessChannel {
  /** Ends every connection; what is under way, and every later call, rejects with CLOSED. */
  close(): Promise<void>;
}

/**
 * Asks witnesses at their addresses. They are the operator's configuration: the guard of webhook
 * addresses (`guarded-connector.ts`) does not apply. Rejects with a code of {@link WitnessFailure}.
 */
export function createWitnessChannel(parts: Parts = {}): ClosableWitnessChannel {
  const { ca, deadlineMs = DEADLINE_MS } = parts;
  const options = {
    connect: { timeout: deadlineMs, ...(ca !== undefined && { ca }) },
    connections: CONNECTIONS_PER_WITNESS,
    pipelining: 1,
    keepAliveTimeout: IDLE_MS,
    keepAliveMaxTimeout: IDLE_MS,
    headersTimeout: deadlineMs,
    bodyTimeout: deadlineMs,
    maxResponseSize: ANSWER_LIMIT_BYTES,
  };
  const pools = new DestinationPools(MAX_POOLS);
  let isClosed = false;

  async function post(url: URL, body: Uint8Array, signal: AbortSignal) {
    const { origin } = url;
    const destination = { name: origin, open: () => new Pool(origin, options) };
    return await pools.use(destination, async (pool) => {
      const response = await pool.request({
        method: 'POST',
        path: url.pathname + url.search,
        headers: { 'content-type': 'text/plain; charset=utf-8', 'accept-encoding': 'identity' },
        body,
        signal: AbortSignal.any([signal, AbortSignal.timeout(deadlineMs)]),
      });
      return await answerOf(response);
    });
  }

  function failed(cause: unknown): WitnessChannelError {
    return new WitnessChannelError(isClosed ? 'CLOSED' : failureOf(cause), { cause });
  }

  return {
    async submit(address, body, signal) {
      if (isClosed) throw new WitnessChannelError('CLOSED');
      const url = addressOf(address);
      try {
        return await post(url, body, signal);
      } catch (cause) {
        throw failed(cause);
      }
    },
    async close() {
      isClosed = true;
      await pools.destroy();
    },
  };
}

function addressOf(text: string): URL {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  const isSafe =
    url?.protocol === 'https:' || (url?.protocol === 'http:' && isLoopback(hostOf(url)));
  if (url === undefined || !isSafe || url.username !== '' || url.password !== '')
    throw new WitnessChannelError('ADDRESS');
  return url;
}

function isLoopback(host: string): boolean {
  if (!ipaddr.isValid(host)) return isLocalhost(host);
  return ipaddr.process(host).range() === 'loopback';
}

async function answerOf({ statusCode, headers, body }: Dispatcher.ResponseData) {
  const type = headers['content-type'];
  const contentType = typeof type === 'string' ? type : '';
  return { status: statusCode, contentType, body: await body.text() };
}

/** What verification of a certificate answers (OpenSSL's X509_V_ERR codes), and alerts of TLS. */
const CERTIFICATE = /^ERR_(SSL|TLS)_|CERT|SIGNATURE|_CA$|INVALID_PURPOSE|PATH_LENGTH|HOSTNAME/;
const FAILURES: Readonly<Partial<Record<string, WitnessFailure>>> = {
  UND_ERR_CONNECT_TIMEOUT: 'TIMEOUT',
  UND_ERR_HEADERS_TIMEOUT: 'TIMEOUT',
  UND_ERR_BODY_TIMEOUT: 'TIMEOUT',
  UND_ERR_RES_EXCEEDED_MAX_SIZE: 'TOO_LONG',
  UND_ERR_SOCKET: 'BROKEN_OFF',
  ECONNRESET: 'BROKEN_OFF',
  EPIPE: 'BROKEN_OFF',
};

/** By name and code, because core's errors may be of another realm's Error. */
function failureOf(error: unknown): WitnessFailure {
  const { name, code } = error as { name?: unknown; code?: unknown };
  if (name === 'TimeoutError') return 'TIMEOUT';
  if (name === 'AbortError') return 'CLOSED';
  const text = String(code);
  const known = FAILURES[text];
  if (known !== undefined) return known;
  if (CERTIFICATE.test(text)) return 'CERTIFICATE';
  return /^E[A-Z]/.test(text) ? 'UNREACHABLE' : 'PROTOCOL';
}
