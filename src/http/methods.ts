import type { RequestHandler } from 'express';
import { ServiceError } from '../errors/service-error.js';

/** Closes a path: whatever method came this far is not supported there. */
export function onlyMethods(...methods: readonly string[]): RequestHandler {
  return (_request, response, next) => {
    response.set('Allow', methods.join(', '));
    next(new ServiceError('METHOD_NOT_ALLOWED'));
  };
}
