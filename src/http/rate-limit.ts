import type { Request, RequestHandler } from 'express';
import { ipKeyGenerator, rateLimit } from 'express-rate-limit';
import { ServiceError } from '../errors/service-error.js';
import { MINUTE_MS } from '../lib/clock.js';

const SUBJECT_WINDOW_MS = 10 * MINUTE_MS;

/**
 * At most `limit` requests in 10 minutes for each key; requests without a key are not counted.
 * Answers carry RateLimit and RateLimit-Policy (draft-ietf-httpapi-ratelimit-headers), a refusal
 * also Retry-After.
 */
export function limitBySubject(
  limit: number,
  keyOf: (request: Request) => string | undefined,
): RequestHandler {
  return rateLimit({
    windowMs: SUBJECT_WINDOW_MS,
    limit,
    identifier: 'delete-per-subject',
    standardHeaders: 'draft-8',
    legacyHeaders: false,
    skip: (request) => keyOf(request) === undefined,
    keyGenerator: (request) => keyOf(request) ?? '',
    handler: (_request, _response, next) => {
      next(new ServiceError('RATE_LIMITED'));
    },
  });
}

/** At most `limit` answers with one of these statuses in a minute for each address. */
export function limitFailures(limit: number, statuses: readonly number[]): RequestHandler {
  return rateLimit({
    windowMs: MINUTE_MS,
    limit,
    identifier: 'failures-per-address',
    standardHeaders: false,
    legacyHeaders: false,
    skipSuccessfulRequests: true,
    requestWasSuccessful: (_request, response) => !statuses.includes(response.statusCode),
    keyGenerator: (request) => ipKeyGenerator(request.ip ?? ''),
    handler: (_request, response, next) => {
      response.set('Retry-After', '60');
      next(new ServiceError('RATE_LIMITED'));
    },
  });
}
