import type { ErrorRequestHandler, RequestHandler } from 'express';
import { ERRORS, type ErrorCode } from '../errors/codes.js';
import { ServiceError } from '../errors/service-error.js';
import type { ErrorAnswer } from '../lib/messages.js';
import type { Watch } from '../watch/events.js';
import { requestIdOf } from './request-id.js';
import { sendJson } from './send.js';

/** As many places as the schema of the envelope allows. */
const MAX_PROBLEMS = 10;

export function nothingHere(): RequestHandler {
  return (_request, _response, next) => {
    next(new ServiceError('NOT_FOUND'));
  };
}

/** The only place that decides what an error tells the caller. */
export function answerErrors(watch: Watch): ErrorRequestHandler {
  return (error: unknown, _request, response, _next) => {
    const failure = asServiceError(error);
    const { status } = ERRORS[failure.code];
    const requestId = requestIdOf(response);
    if (status >= 500) watch.requestFailed({ requestId, code: failure.code, error });
    if (status === 401) watch.authenticationRefused({ requestId, code: failure.code });
    if (response.headersSent) {
      response.destroy();
      return;
    }
    if (failure.retryAfterSeconds !== undefined)
      response.set('Retry-After', failure.retryAfterSeconds.toString());
    sendJson(response, status, errorAnswer(failure, requestId));
  };
}

/** The envelope of the contract, with Lethe's stable code, the request id and the places. */
export function errorAnswer(error: ServiceError, requestId: string): ErrorAnswer {
  const { message, contractCodes } = ERRORS[error.code];
  return {
    status: 'error',
    message,
    errorCodes: [...contractCodes],
    code: error.code,
    requestId,
    ...(error.problems.length > 0 && { errors: error.problems.slice(0, MAX_PROBLEMS) }),
  };
}

function asServiceError(error: unknown): ServiceError {
  if (error instanceof ServiceError) return error;
  // What Express itself refuses, such as a path that is not valid percent-encoding.
  const status = error instanceof Error && 'status' in error ? Number(error.status) : 500;
  const code: ErrorCode = status >= 400 && status < 500 ? 'NOT_FOUND' : 'INTERNAL';
  return new ServiceError(code, { cause: error });
}
