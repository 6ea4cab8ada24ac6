import type { Request, RequestHandler } from 'express';
import type { Clock } from '../lib/clock.js';
import type { Watch } from '../watch/events.js';
import { requestIdOf } from './request-id.js';

/** Counts and logs every answer, by route and not by address: addresses hold session ids. */
export function observeRequests(deps: { watch: Watch; clock: Clock }): RequestHandler {
  return (request, response, next) => {
    const startedAtMs = deps.clock.nowMs();
    response.once('close', () => {
      deps.watch.requestAnswered({
        requestId: requestIdOf(response),
        method: request.method,
        route: routeOf(request),
        status: response.statusCode,
        durationMs: deps.clock.nowMs() - startedAtMs,
      });
    });
    next();
  };
}

function routeOf(request: Request): string {
  const route: unknown = request.route;
  if (typeof route !== 'object' || route === null || !('path' in route)) return 'none';
  return String(route.path);
}
