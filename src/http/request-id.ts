import type { RequestHandler, Response } from 'express';
import { ServiceError } from '../errors/service-error.js';
import { randomId } from '../lib/ids.js';

const HEADER = 'X-Request-ID';
const ALLOWED = /^[A-Za-z0-9._:/+=-]{1,128}$/;

/** Gives every answer an X-Request-ID: the caller's own, or a generated one. */
export function nameRequest(): RequestHandler {
  return (request, response, next) => {
    const given = request.get(HEADER);
    const isUsable = given !== undefined && ALLOWED.test(given);
    response.set(HEADER, isUsable ? given : randomId());
    if (given === undefined || isUsable) {
      next();
      return;
    }
    const message = 'must be 1 to 128 letters, digits or . _ : / + = -';
    next(
      new ServiceError('INVALID_HEADER', {
        problems: [{ pointer: `/headers/${HEADER}`, message }],
      }),
    );
  };
}

export function requestIdOf(response: Response): string {
  return response.get(HEADER) ?? '';
}
