import { createServer, type IncomingMessage } from 'node:http';
import express, { type ErrorRequestHandler, type Express, type RequestHandler } from 'express';
import { SECOND_MS } from '../lib/clock.js';
import { type Listener, startListening } from './listener.js';

const MAX_CONNECTIONS = 1_024;
/** A little longer than logs keep an idle connection, so that none is closed under a call. */
const IDLE_MS = 65 * SECOND_MS;
const REQUEST_MS = 5 * SECOND_MS;
const MAX_HEADER_BYTES = 8_192;
const BODY_LIMIT_BYTES = 65_536;
const TEXT = 'text/plain; charset=utf-8';

/** Decides about checkpoints; `audit/witness/witness.ts` does it. */
interface CheckpointWitness {
  /** Rejects when it could not keep what it was about to cosign. */
  addCheckpoint(
    body: Uint8Array,
  ): Promise<{ readonly status: number; readonly contentType: string; readonly text: string }>;
}

interface Options {
  readonly witness: CheckpointWitness;
  readonly host: string;
  /** 0 for any free one. */
  readonly port: number;
  /** Is told of what failed on this machine. */
  readonly report: (error: unknown) => void;
}

/**
 * Serves a witness over HTTP/1.1 (C2SP tlog-witness): POST /add-checkpoint with at most 64 KiB, and
 * GET /health/live. Rejects when nothing can listen there.
 */
export async function serveWitness({ witness, host, port, report }: Options): Promise<Listener> {
  const server = createServer(
    {
      headersTimeout: REQUEST_MS,
      requestTimeout: REQUEST_MS,
      connectionsCheckingInterval: SECOND_MS,
      keepAliveTimeout: IDLE_MS,
      maxHeaderSize: MAX_HEADER_BYTES,
    },
    witnessApp(witness, report),
  );
  server.maxConnections = MAX_CONNECTIONS;
  return await startListening(server, { host, port });
}

function witnessApp(witness: CheckpointWitness, report: Options['report']): Express {
  const app = express();
  app.disable('x-powered-by').disable('etag');
  app.enable('case sensitive routing').enable('strict routing');
  app.use((_request, response, next) => {
    response.set({ 'Cache-Control': 'no-store', 'X-Content-Type-Options': 'nosniff' });
    next();
  });
  app.post('/add-checkpoint', refuseCompressed, async (request, response, next) => {
    const body = await readBody(request);
    if (body === undefined) {
      refuse(413, `takes at most ${BODY_LIMIT_BYTES.toString()} bytes`)(request, response, next);
      return;
    }
    const answer = await witness.addCheckpoint(body);
    // Not through `send`, which would add a charset to the media type.
    response.statusCode = answer.status;
    response.setHeader('Content-Type', answer.contentType);
    response.end(answer.text);
  });
  app.all('/add-checkpoint', refuse(405, 'takes POST on this path', 'POST'));
  app.get('/health/live', (_request, response) => {
    response.set('Content-Type', TEXT).end('ok\n');
  });
  app.all('/health/live', refuse(405, 'takes GET on this path', 'GET, HEAD'));
  app.use(refuse(404, 'has no such path'));
  app.use(failed(report));
  return app;
}

const refuseCompressed: RequestHandler = (request, response, next) => {
  if ((request.headers['content-encoding'] ?? 'identity') === 'identity') next();
  else refuse(415, 'takes no compressed body')(request, response, next);
};

/**
 * The whole body; undefined as soon as it is known to be too long. The reader of express would answer
 * only when all of it had come; what is left, node drops after the answer.
 */
async function readBody(request: IncomingMessage): Promise<Uint8Array | undefined> {
  if (Number(request.headers['content-length'] ?? 0) > BODY_LIMIT_BYTES) return undefined;
  const chunks: Uint8Array[] = [];
  let lengthBytes = 0;
  return await new Promise((resolve, reject) => {
    request.on('data', (chunk: Uint8Array) => {
      lengthBytes += chunk.byteLength;
      if (lengthBytes <= BODY_LIMIT_BYTES) chunks.push(chunk);
      else resolve(undefined);
    });
    request.once('end', () => resolve(Buffer.concat(chunks)));
    request.once('error', reject);
  });
}

function refuse(status: number, sentence: string, allow?: string): RequestHandler {
  return (_request, response) => {
    if (allow !== undefined) response.set('Allow', allow);
    response.status(status).set('Content-Type', TEXT).end(`this witness ${sentence}\n`);
  };
}

/** What express refuses is the caller's fault and has its status; all else is ours. */
function failed(report: Options['report']): ErrorRequestHandler {
  return (error: unknown, request, response, _next) => {
    if (response.headersSent || (request.destroyed && !request.complete)) {
      response.destroy();
      return;
    }
    const given = (error as { status?: unknown }).status;
    const status = typeof given === 'number' && given >= 400 && given < 500 ? given : 500;
    if (status === 500) report(error);
    const sentence =
      status === 500 ? 'failed; see what it printed' : 'does not take such a request';
    response.status(status).set('Content-Type', TEXT).end(`this witness ${sentence}\n`);
  };
}
