import type { IncomingMessage } from 'node:http';
import { SecretBytes } from '../crypto/secret-bytes.js';
import { utf8Text } from '../lib/bytes.js';

/*
 * The protocol of the share server, HTTP/1.1 over TLS 1.2 or later. A client shows a certificate
 * that the server's client authority signed; the share is filed under the SHA-256 fingerprint of its
 * public key (SubjectPublicKeyInfo, DER), so a certificate that is renewed with the same key finds
 * it again. No client can name the share of another one.
 *
 * A slot is 4096 bytes (`src/vault/roots/root-slot.ts`). Shares travel as these raw bytes.
 *
 *   GET /v1/share              200 application/octet-stream, 8192 bytes: the slots that are whole,
 *                                  highest epoch first; 4096 zeros for each that is not: twice when
 *                                  nothing was ever staged
 *   PUT /v1/share              application/octet-stream, 4096 bytes: the slot to stage
 *                              200 durable; 8192 zeros
 *                              400 not a whole slot
 *                              409 its epoch is not higher than every kept one, or another root
 *                              507 the server keeps as many shares as it may
 *   POST /v1/share/wipe        application/json, at most 64 bytes: {"epoch":42}
 *                              200 every slot but that of epoch 42 is overwritten, durable;
 *                                  8192 zeros
 *                              409 epoch 42 is not kept; nothing was wiped
 *   GET /v1/share/preflight    200 application/json: {"verdict":"forgets","reason":"..."}; the
 *                                  verdict is forgets, doubtful or keeps
 *
 * "Never staged" is no 404, because any server that is taken for this one answers that. Answers are
 * of one length, because TLS and HTTP parsers leave what they read in memory that their user cannot
 * reach: so the answer to PUT overwrites there what the one to GET left.
 * Everywhere: 500 the file or its disk failed; 400, 404, 405, 411, 413, 415 a request that is none
 * of the above. Answers of 400 and more are text/plain: a sentence that goes on after the name of
 * the server, e.g. "is at epoch 42 already: ...".
 */

const SLOT_BYTES = 4096;
const ANSWER_BYTES = 8192;
const EPOCH_LIMIT_BYTES = 64;
const SLOTS_TYPE = 'application/octet-stream';
const JSON_TYPE = 'application/json';

type Kept<T> =
  | { readonly kind: 'done'; readonly value: T }
  | { readonly kind: 'malformed' | 'conflict' | 'full' | 'failed'; readonly reason: string };

/** Keeps the shares; `client` is the fingerprint, 64 hex digits. `vault/roots/share-keeper.ts` does it. */
export interface Shares {
  preflight(client: string): Promise<Kept<object>>;
  /** The 8192 bytes of GET /v1/share. The caller wipes them. */
  load(client: string): Promise<Kept<SecretBytes>>;
  stage(client: string, printed: Uint8Array): Promise<Kept<undefined>>;
  wipe(client: string, epoch: number): Promise<Kept<undefined>>;
}

/** What is sent: bytes that are wiped afterwards, a JSON value, or the sentence of a refusal. */
export type ShareAnswer =
  | { readonly status: 200; readonly slots: SecretBytes }
  | { readonly status: 200; readonly json: object }
  | { readonly status: number; readonly reason: string; readonly allow?: string };

interface Call {
  readonly request: IncomingMessage;
  readonly client: string;
  readonly shares: Shares;
}

/** Answers a call of a client that TLS has made sure of. What the keeper throws it throws. */
export async function answerTo(call: Call): Promise<ShareAnswer> {
  const methods = ROUTES[call.request.url ?? ''];
  if (methods === undefined) return { status: 404, reason: 'has no such path' };
  const route = methods[call.request.method ?? ''];
  if (route !== undefined) return await route(call);
  const allow = Object.keys(methods).join(', ');
  return { status: 405, reason: `takes ${allow} on this path`, allow };
}

type Route = (call: Call) => Promise<ShareAnswer>;

const ROUTES: Readonly<Partial<Record<string, Readonly<Partial<Record<string, Route>>>>>> = {
  '/v1/share': { GET: load, PUT: stage },
  '/v1/share/wipe': { POST: wipe },
  '/v1/share/preflight': { GET: preflight },
};

async function load({ client, shares }: Call): Promise<ShareAnswer> {
  const kept = await shares.load(client);
  return kept.kind === 'done' ? { status: 200, slots: kept.value } : refusal(kept);
}

async function stage({ request, client, shares }: Call): Promise<ShareAnswer> {
  const wrong = checkBody(request, { type: SLOTS_TYPE, limitBytes: SLOT_BYTES });
  if (wrong !== undefined) return wrong;
  const body = await readBody(request);
  try {
    return answered(await body.use(async (printed) => await shares.stage(client, printed)));
  } finally {
    body.wipe();
  }
}

async function wipe({ request, client, shares }: Call): Promise<ShareAnswer> {
  const wrong = checkBody(request, { type: JSON_TYPE, limitBytes: EPOCH_LIMIT_BYTES });
  if (wrong !== undefined) return wrong;
  const epoch = parseEpoch(await readBody(request));
  if (epoch === undefined) return { status: 400, reason: 'was sent something else than an epoch' };
  return answered(await shares.wipe(client, epoch));
}

async function preflight({ client, shares }: Call): Promise<ShareAnswer> {
  const kept = await shares.preflight(client);
  return kept.kind === 'done' ? { status: 200, json: kept.value } : refusal(kept);
}

function answered(kept: Kept<undefined>): ShareAnswer {
  if (kept.kind !== 'done') return refusal(kept);
  return { status: 200, slots: SecretBytes.own(new ArrayBuffer(ANSWER_BYTES)) };
}

function refusal({ kind, reason }: Exclude<Kept<never>, { kind: 'done' }>): ShareAnswer {
  return { status: { malformed: 400, conflict: 409, full: 507, failed: 500 }[kind], reason };
}

function checkBody(
  { headers }: IncomingMessage,
  expected: { type: string; limitBytes: number },
): ShareAnswer | undefined {
  if (headers['content-type'] !== expected.type || headers['content-encoding'] !== undefined) {
    return { status: 415, reason: `takes ${expected.type} on this path` };
  }
  const length = headers['content-length'];
  if (length === undefined) return { status: 411, reason: 'must be told the length of a body' };
  if (Number(length) > expected.limitBytes) {
    return {
      status: 413,
      reason: `takes at most ${expected.limitBytes.toString()} bytes on this path`,
    };
  }
  return undefined;
}

/** As many bytes as Content-Length says, which is what the parser lets through. */
async function readBody(request: IncomingMessage): Promise<SecretBytes> {
  const buffer = new ArrayBuffer(Number(request.headers['content-length']));
  const bytes = new Uint8Array(buffer);
  let lengthBytes = 0;
  try {
    for await (const chunk of request as AsyncIterable<Uint8Array>) {
      bytes.set(chunk, lengthBytes);
      lengthBytes += chunk.byteLength;
      chunk.fill(0);
    }
  } catch (error) {
    bytes.fill(0);
    throw error;
  }
  return SecretBytes.own(buffer);
}

function parseEpoch(body: SecretBytes): number | undefined {
  try {
    const text = body.use(utf8Text);
    const epoch = Number(/^\{"epoch":(\d{1,16})\}$/.exec(text)?.[1]);
    return Number.isSafeInteger(epoch) && text === JSON.stringify({ epoch }) ? epoch : undefined;
  } catch {
    return undefined;
  }
}
