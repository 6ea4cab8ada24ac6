import type { IncomingMessage, ServerResponse } from 'node:http';
import { collectSecret } from '../crypto/collect-secret.js';
import type { SecretBytes } from '../crypto/secret-bytes.js';

/*
 *   POST /v1/vault       application/octet-stream with Content-Length, at most 8 MiB: a message of
 *                            `src/vault/service/wire.ts`
 *                        200 application/octet-stream: the answer, also when the method failed
 *                        400, 411, 413, 415 no such message; nothing was done
 *                        503 too much to do, or no answer in time; what was begun goes on
 *   GET /health/ready    200 or 503 application/json: {"status":"ok"}, or "unavailable" with a
 *                            "message" that says why
 *   anything else        404, 405
 *
 * Refusals are text/plain: one sentence. Nothing of a body is ever logged.
 */

const PATH = '/v1/vault';
const READY_PATH = '/health/ready';
const MESSAGE_TYPE = 'application/octet-stream';
const MAX_REQUEST_BYTES = 8 * 1024 * 1024;
/** Of all the requests that are under way at a time. */
const MAX_UNDER_WAY_BYTES = 256 * 1024 * 1024;
const RETRY_AFTER_SECONDS = 5;

/** What is served; `vault/vault-service.ts` makes it. */
export interface MessageService {
  /** Undefined when the bytes are no request. The answer is wiped once it is sent. */
  answer(message: Uint8Array): Promise<SecretBytes | undefined>;
  /** Throws one sentence for the operator when the service is not ready. */
  check(): Promise<void>;
}

type Answer =
  | { readonly status: 200; readonly message: SecretBytes }
  | { readonly status: number; readonly json: object }
  | { readonly status: number; readonly sentence: string; readonly allow?: string };

/** Answers the requests above, each within the deadline. */
export function createVaultRequests(
  service: MessageService,
  { deadlineMs, isClosing }: { deadlineMs: number; isClosing: () => boolean },
): (request: IncomingMessage, response: ServerResponse) => Promise<void> {
  let underWayBytes = 0;

  async function post(request: IncomingMessage): Promise<Answer> {
    const lengthBytes = Number(request.headers['content-length'] ?? Number.NaN);
    const refusal = refusalOf(request, lengthBytes);
    if (refusal !== undefined) return refusal;
    if (underWayBytes + lengthBytes > MAX_UNDER_WAY_BYTES)
      return { status: 503, sentence: 'The key service has too much to do.' };
    underWayBytes += lengthBytes;
    try {
      const body = await collectSecret(request, lengthBytes);
      const answering = answerTo(body);
      const message = await inTime(answering);
      if (message === 'late') {
        // A destruction that was begun cannot be called off: it goes on, and its caller asks again.
        void answering.then(
          (unsent) => unsent?.wipe(),
          () => undefined,
        );
        return { status: 503, sentence: 'The vault did not answer in time.' };
      }
      if (message !== undefined) return { status: 200, message };
      return { status: 400, sentence: 'The body is no request of this release to a vault.' };
    } finally {
      underWayBytes -= lengthBytes;
    }
  }

  async function answerTo(body: SecretBytes): Promise<SecretBytes | undefined> {
    try {
      return await body.use((bytes) => service.answer(bytes));
    } finally {
      body.wipe();
    }
  }

  async function ready(): Promise<Answer> {
    try {
      const outcome = await inTime(service.check());
      if (outcome !== 'late') return { status: 200, json: { status: 'ok' } };
      return unready('the vault does not answer');
    } catch (error) {
      return unready(error instanceof Error ? error.message : 'the vault failed');
    }
  }

  async function inTime<T>(work: Promise<T>): Promise<T | 'late'> {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<'late'>((resolve) => {
      timer = setTimeout(resolve, deadlineMs, 'late');
    });
    try {
      return await Promise.race([work, late]);
    } finally {
      clearTimeout(timer);
    }
  }

  async function route(request: IncomingMessage): Promise<Answer> {
    const { method, url } = request;
    if (url === PATH) return method === 'POST' ? await post(request) : notAllowed('POST');
    if (url === READY_PATH) return method === 'GET' ? await ready() : notAllowed('GET');
    return { status: 404, sentence: `There is nothing here but ${PATH} and ${READY_PATH}.` };
  }

  return async (request, response) => {
    try {
      const answer = await route(request);
      if (isClosing()) response.setHeader('connection', 'close');
      send(response, answer);
    } catch (error) {
      // A caller that went away while it sent its request is nobody's failure.
      if (!request.complete) response.destroy();
      else throw error;
    }
  };
}

function refusalOf(request: IncomingMessage, lengthBytes: number): Answer | undefined {
  if (request.headers['content-type'] !== MESSAGE_TYPE)
    return { status: 415, sentence: `The body must be ${MESSAGE_TYPE}.` };
  if (Number.isNaN(lengthBytes)) return { status: 411, sentence: 'Content-Length is missing.' };
  if (lengthBytes > MAX_REQUEST_BYTES)
    return { status: 413, sentence: `A request has at most ${MAX_REQUEST_BYTES} bytes.` };
  return undefined;
}

function unready(message: string): Answer {
  return { status: 503, json: { status: 'unavailable', message } };
}

function notAllowed(allow: string): Answer {
  return { status: 405, sentence: `Only ${allow} is possible here.`, allow };
}

function send(response: ServerResponse, answer: Answer): void {
  response.statusCode = answer.status;
  response.setHeader('cache-control', 'no-store');
  if ('message' in answer) {
    sendSecret(response, answer.message);
    return;
  }
  if (answer.status === 503) response.setHeader('retry-after', RETRY_AFTER_SECONDS);
  if ('json' in answer) {
    response.setHeader('content-type', 'application/json');
    response.end(JSON.stringify(answer.json));
    return;
  }
  if (answer.allow !== undefined) response.setHeader('allow', answer.allow);
  // Whatever of the body was not read is not waited for.
  if (!response.req.complete) response.setHeader('connection', 'close');
  response.setHeader('content-type', 'text/plain; charset=utf-8');
  response.end(`${answer.sentence}\n`);
}

function sendSecret(response: ServerResponse, message: SecretBytes): void {
  // Comes when the operating system has taken the last byte, and when the connection is gone.
  response.once('close', () => {
    message.wipe();
  });
  if (response.closed) {
    message.wipe();
    return;
  }
  response.setHeader('content-type', MESSAGE_TYPE);
  response.setHeader('content-length', message.lengthBytes);
  message.use((bytes) => response.end(bytes));
}
