import { createServer } from 'node:http';
import type { Socket } from 'node:net';
import type { Express } from 'express';
import { ERRORS, type ErrorCode } from '../errors/codes.js';
import { ServiceError } from '../errors/service-error.js';
import { SECOND_MS } from '../lib/clock.js';
import { randomId } from '../lib/ids.js';
import { errorAnswer } from './error-handler.js';
import { type Listener, startListening } from './listener.js';

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
  return await startListening(server, at);
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
