import { join } from 'node:path';
import { type RequestHandler, Router } from 'express';
import type { HttpDeps } from './deps.js';
import { onlyMethods } from './methods.js';
import { staticFiles } from './static-files.js';
import { VERIFY_ASSETS_PATH, verifyPage } from './verify-page.js';

const PAGE_PATH = '/verify';
/** What the page imports, at its place among the compiled files: the imports are relative. */
const SERVED = ['web', 'audit/offline', 'lib/canonical-json.js'];

/**
 * Nothing may be sent from the page, not even by a form while its script is missing; and nothing
 * that somebody's receipt says can become markup.
 */
const POLICY = [
  "default-src 'none'",
  "base-uri 'none'",
  "connect-src 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
  "img-src 'self'",
  "require-trusted-types-for 'script'",
  "script-src 'self'",
  "style-src 'self'",
  "trusted-types 'none'",
].join('; ');

/** What these routes work with. */
export interface VerifyDeps extends Pick<HttpDeps, 'webDir'> {
  readonly operations: { readonly log: Pick<HttpDeps['operations']['log'], 'keys'> };
}

/** The page where anybody checks a receipt, in the browser alone. */
export function verifyRoutes(deps: VerifyDeps): Router {
  const router = Router({ caseSensitive: true });
  const compiledDir = join(deps.webDir, '..');
  for (const place of SERVED)
    router.use(`${VERIFY_ASSETS_PATH}/${place}`, staticFiles(join(compiledDir, place)));
  router.get(PAGE_PATH, showPage(deps));
  router.all(PAGE_PATH, onlyMethods('GET'));
  return router;
}

function showPage({ operations }: VerifyDeps): RequestHandler {
  return async (_request, response) => {
    const keys = await operations.log.keys();
    const vkeys = keys.map(({ vkey }) => vkey).reverse();
    response.set('Content-Security-Policy', POLICY);
    response.type('html').send(verifyPage({ vkeys }));
  };
}
