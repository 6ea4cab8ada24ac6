import type { RequestHandler } from 'express';

const REQUEST_HEADERS = [
  'Authorization',
  'Content-Type',
  'Idempotency-Key',
  'X-Device-Info',
  'X-Request-ID',
  'X-Timestamp',
  'x-api-key',
  'x_api_key',
];
const ANSWER_HEADERS = ['RateLimit', 'RateLimit-Policy', 'Retry-After', 'X-Request-ID'];

/**
 * Lets pages of any origin make the in-session calls. They carry no cookie: who holds the session id
 * in the path may call, from wherever.
 */
export function allowAnyOrigin(methods: readonly string[]): RequestHandler {
  return (request, response, next) => {
    response.set('Access-Control-Allow-Origin', '*');
    response.set('Access-Control-Expose-Headers', ANSWER_HEADERS.join(', '));
    if (request.method !== 'OPTIONS') {
      next();
      return;
    }
    response.set('Access-Control-Allow-Methods', methods.join(', '));
    response.set('Access-Control-Allow-Headers', REQUEST_HEADERS.join(', '));
    response.set('Access-Control-Max-Age', '600');
    response.status(204).end();
  };
}
