import type { RequestHandler } from 'express';
import { invalidAt, ServiceError } from '../errors/service-error.js';

/** RFC 9110 §4.1 asks servers to take at least 8,000. */
const MAX_ADDRESS_LENGTH = 8_000;

/**
 * What node would refuse without an envelope, or let pass. Fails with URI_TOO_LONG, or with
 * INVALID_HEADER for HTTP/1.1 without a Host (RFC 9112 §3.2).
 */
export function checkRequestLine(): RequestHandler {
  return (request, _response, next) => {
    if (request.url.length > MAX_ADDRESS_LENGTH) throw new ServiceError('URI_TOO_LONG');
    if (request.httpVersion === '1.1' && request.headers.host === undefined) {
      throw invalidAt('/headers/Host', 'is required', 'INVALID_HEADER');
    }
    next();
  };
}
