import { type Dispatcher, Pool } from 'undici';
import type { LogSource } from '../audit/reading/log-source.js';
import { SECOND_MS } from '../lib/clock.js';

const DEADLINE_MS = 10 * SECOND_MS;
/** An entry bundle of 256 leaves of 4,096 bytes, each preceded by its length. */
const ANSWER_LIMIT_BYTES = 256 * (2 + 4_096);
const CONNECTIONS = 4;

/** A log at its address, with connections that must be closed. */
export interface LogFetcher extends LogSource {
  close(): Promise<void>;
}

/**
 * Reads a published log under an http or https prefix (C2SP tlog-tiles), such as
 * `https://lethe.example.com/log`. Follows no redirect, waits 10 s for an answer and reads 1 MiB of it
 * at most. Rejects with one sentence when the answer is neither 200 nor 404, or cut off. Throws a
 * TypeError for what is no such address.
 */
export function createLogFetcher(
  prefix: string,
  { deadlineMs = DEADLINE_MS }: { readonly deadlineMs?: number } = {},
): LogFetcher {
  const { origin, pathname } = addressOf(prefix);
  const pool = new Pool(origin, {
    connections: CONNECTIONS,
    connect: { timeout: deadlineMs },
    headersTimeout: deadlineMs,
    bodyTimeout: deadlineMs,
    maxResponseSize: ANSWER_LIMIT_BYTES,
  });

  async function get(name: string): Promise<Uint8Array | undefined> {
    const path = `${pathname.replace(/\/$/, '')}/${name}`;
    try {
      return await bytesOf(await request(path));
    } catch (error) {
      throw new Error(`${origin}${path} cannot be read: ${reasonOf(error)}`, { cause: error });
    }
  }

  function request(path: string): Promise<Dispatcher.ResponseData> {
    return pool.request({
      method: 'GET',
      path,
      headers: { 'accept-encoding': 'identity' },
      signal: AbortSignal.timeout(deadlineMs),
    });
  }

  return {
    checkpoint: async () => {
      const bytes = await get('checkpoint');
      if (bytes === undefined) throw new Error(`there is no log at ${origin}${pathname}`);
      return Buffer.from(bytes).toString();
    },
    resource: get,
    close: () => pool.destroy(),
  };
}

/** What is wrong with it is not repeated: it may hold a password. */
function addressOf(prefix: string): URL {
  const url = URL.canParse(prefix) ? new URL(prefix) : undefined;
  if (url !== undefined && /^https?:$/.test(url.protocol) && url.href === url.origin + url.pathname)
    return url;
  throw new TypeError(
    'the address of a log begins with https:// or http:// and has no user name, query or fragment',
  );
}

async function bytesOf({
  statusCode,
  headers,
  body,
}: Dispatcher.ResponseData): Promise<Uint8Array | undefined> {
  if (statusCode !== 200) {
    await body.dump();
    if (statusCode === 404) return undefined;
    throw new Error(`the answer was ${statusCode.toString()}`);
  }
  if ((headers['content-encoding'] ?? 'identity') !== 'identity') {
    await body.dump();
    throw new Error('the answer is compressed');
  }
  return new Uint8Array(await body.arrayBuffer());
}

/** By name and code, because core's errors may be of another realm's Error. */
function reasonOf(error: unknown): string {
  const { name, code, message } = error as { name?: string; code?: string; message?: string };
  if (name === 'TimeoutError' || code?.endsWith('_TIMEOUT') === true) return 'no answer in time';
  if (code === 'UND_ERR_RES_EXCEEDED_MAX_SIZE') return 'the answer is too long';
  return code ?? message ?? 'unknown error';
}
