import type { RequestHandler } from 'express';
import helmet from 'helmet';

/** Headers of every answer that is not a page: nothing may be loaded, framed, sniffed or cached. */
export function secureAnswers(): RequestHandler {
  const harden = helmet({
    contentSecurityPolicy: {
      useDefaults: false,
      directives: { defaultSrc: ["'none'"], frameAncestors: ["'none'"] },
    },
    crossOriginResourcePolicy: { policy: 'cross-origin' },
    referrerPolicy: { policy: 'no-referrer' },
    strictTransportSecurity: { maxAge: 63_072_000, includeSubDomains: true },
    xFrameOptions: { action: 'deny' },
  });
  return (request, response, next) => {
    response.set('Cache-Control', 'no-store');
    harden(request, response, next);
  };
}
