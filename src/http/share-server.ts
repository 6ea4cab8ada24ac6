import { createHash, X509Certificate } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer } from 'node:https';
import type { TLSSocket } from 'node:tls';
import { utf8 } from '../lib/bytes.js';
import { SECOND_MS } from '../lib/clock.js';
import { type Listener, startListening } from './listener.js';
import { answerTo, type ShareAnswer, type Shares } from './share-protocol.js';

const MAX_CONNECTIONS = 2_048;
/** A little longer than clients keep an idle connection, so that none is closed under a call. */
const IDLE_MS = 65 * SECOND_MS;
const REQUEST_MS = 5 * SECOND_MS;

interface Options {
  readonly shares: Shares;
  readonly host: string;
  readonly port: number;
  /** PEM texts: the server's own certificate and key, and the authority that signs its clients. */
  readonly tls: { readonly cert: string; readonly key: string; readonly clientCa: string };
  /** Is told what failed on this machine, one sentence each; nothing that a client sent. */
  readonly report: (sentence: string) => void;
}

/**
 * Serves shares to clients that show a certificate; a connection without one ends before HTTP.
 * Rejects when a PEM text cannot be used or nothing can listen there.
 */
export async function listenForShares(options: Options): Promise<Listener> {
  const { tls, host, port } = options;
  checkPem(tls.clientCa);
  const server = createServer(
    {
      cert: tls.cert,
      key: tls.key,
      ca: tls.clientCa,
      requestCert: true,
      rejectUnauthorized: true,
      minVersion: 'TLSv1.2',
      handshakeTimeout: REQUEST_MS,
      headersTimeout: REQUEST_MS,
      requestTimeout: REQUEST_MS,
      connectionsCheckingInterval: SECOND_MS,
      keepAliveTimeout: IDLE_MS,
      maxHeaderSize: 8_192,
    },
    (request, response) => {
      void serve(options, { request, response });
    },
  );
  server.maxConnections = MAX_CONNECTIONS;
  return await startListening(server, { host, port });
}

/** Throws when a text holds no certificate: TLS would silently have no authority, or all public ones. */
function checkPem(text: string): X509Certificate {
  return new X509Certificate(text);
}

async function serve(
  { shares, report }: Options,
  { request, response }: { request: IncomingMessage; response: ServerResponse },
): Promise<void> {
  try {
    const client = fingerprintOf(request.socket as TLSSocket);
    const answer = await answerTo({ request, client, shares });
    if (answer.status === 500 && 'reason' in answer) report(answer.reason);
    send(response, answer);
  } catch (error) {
    if (response.headersSent || (request.destroyed && !request.complete)) {
      response.destroy();
      return;
    }
    const { name, code = 'no code' } = error as { name?: unknown; code?: unknown };
    report(`failed for a reason that nobody foresaw (${String(name)}, ${String(code)})`);
    send(response, { status: 500, reason: 'failed; see what the share server printed' });
  }
}

/** SHA-256 of the public key of the client's certificate, 64 hex digits. */
function fingerprintOf(socket: TLSSocket): string {
  const certificate = socket.authorized ? socket.getPeerX509Certificate() : undefined;
  if (certificate === undefined) throw new Error('a connection without a certificate got through');
  const key = certificate.publicKey.export({ type: 'spki', format: 'der' });
  return createHash('sha256').update(key).digest('hex');
}

function send(response: ServerResponse, answer: ShareAnswer): void {
  response.setHeader('Cache-Control', 'no-store');
  if ('slots' in answer) {
    const { slots } = answer;
    if (response.closed) {
      slots.wipe();
      return;
    }
    response.once('close', () => {
      slots.wipe();
    });
    slots.use((bytes) =>
      sendBytes(response, { status: 200, type: 'application/octet-stream', bytes }),
    );
  } else if ('json' in answer) {
    const bytes = utf8(JSON.stringify(answer.json));
    sendBytes(response, { status: 200, type: 'application/json', bytes });
  } else {
    const { status, reason, allow } = answer;
    if (allow !== undefined) response.setHeader('Allow', allow);
    // What is left of a body that nobody wants is not waited for.
    if (!response.req.complete) response.shouldKeepAlive = false;
    sendBytes(response, { status, type: 'text/plain; charset=utf-8', bytes: utf8(reason) });
  }
}

function sendBytes(
  response: ServerResponse,
  { status, type, bytes }: { status: number; type: string; bytes: Uint8Array },
): void {
  response.writeHead(status, { 'Content-Type': type, 'Content-Length': bytes.byteLength });
  response.end(bytes);
}
