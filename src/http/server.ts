import { createServer } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import type { Express } from 'express';
import { ERRORS, type ErrorCode } from '../errors/codes.js';
import { ServiceError } from '../errors/service-error.js';
import { SECOND_MS } from '../lib/clock.js';
import { randomId } from '../lib/ids.js';
import { closeServer } from './close-server.js';
import { errorAnswer } from './error-handler.js';

/** A running server. */
export interface Listener {
  readonly port: number;
  /** Takes no new requests, lets those under way finish, and closes at the latest after `graceMs`. */
  close(graceMs: number): Promise<void>;
}

/** Serves the application, with limits that slow clients cannot hold open. */
export async function listen(app: Express, at: { host: string; port: number }): Promise<Listener> {
  const server = createServer(
    {
      headersTimeout: 5 * SECOND_MS,
      requestTimeout: 15 * SECOND_MS,
      connectionsCheckingInterval: SECOND_MS,
      keepAliveTimeout: 10 * SECOND_MS,
      // The application checks it, so that the refusal has the envelope.
      requireHostHeader: false,
    },
    app,
  );
  server.on('clientError', refuseConnection);
  // RFC 9110 §10.1.1 leaves it open what an unknown expectation gets; node's 417 has no envelope.
  server.on('checkExpectation', app);
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(at.port, at.host, () => {
      server.off('error', reject);
      resolve();
    });
  });
  return {
    port: (server.address() as AddressInfo).port,
    close: async (graceMs) => await closeServer(server, graceMs),
  };
}

/** What is not a request at all gets the envelope too, if the socket still takes it. */
function refuseConnection(error: NodeJS.ErrnoException, socket: Socket): void {
  if (error.code === 'ECONNRESET' || !socket.writable) {
    socket.destroy();
    return;
  }
  const failure = new ServiceError(codeOf(error));
  const { status } = ERRORS[failure.code];
  const requestId = randomId();
  const body = JSON.stringify(errorAnswer(failure, requestId));
  socket.end(
    [
      `HTTP/1.1 ${status.toString()} Refused`,
      'Connection: close',
      'Content-Type: application/json; charset=utf-8',
      `Content-Length: ${Buffer.byteLength(body).toString()}`,
      `X-Request-ID: ${requestId}`,
      '',
      body,
    ].join('\r\n'),
  );
}

function codeOf(error: NodeJS.ErrnoException): ErrorCode {
  if (error.code === 'HPE_HEADER_OVERFLOW') return 'HEADERS_TOO_LARGE';
  if (error.code === 'ERR_HTTP_REQUEST_TIMEOUT') return 'REQUEST_TIMEOUT';
  return 'INVALID_HEADER';
}
