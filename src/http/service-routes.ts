import { Router } from 'express';
import { allowAnyOrigin } from './cors.js';
import type { HttpDeps } from './deps.js';
import { onlyMethods } from './methods.js';
import { sendJson } from './send.js';

const LIVE_PATHS = ['/health/live', '/v2/health'];

/** Keys, health and metrics: what anybody may read. */
export function serviceRoutes(deps: HttpDeps): Router {
  const { operations, signingKey, validator } = deps;
  const router = Router({ caseSensitive: true });

  router.all(['/public-key', '/.well-known/jwks.json'], allowAnyOrigin(['GET']));
  router.get('/public-key', (_request, response) => {
    const { publicKeyPem, kid } = operations.payloadKey;
    sendJson(
      response,
      200,
      validator.checkResponse('public-key', { publicKey: publicKeyPem, kid, alg: 'RSA-OAEP-256' }),
    );
  });
  router.get('/.well-known/jwks.json', async (_request, response) => {
    const keys = [signingKey.publicJwk, ...(await operations.log.publicJwks())];
    response.set('Cache-Control', 'public, max-age=300');
    sendJson(response, 200, validator.checkResponse('jwks', { keys }));
  });
  router.get(LIVE_PATHS, (_request, response) => {
    sendJson(response, 200, validator.checkResponse('health', { status: 'ok' }));
  });
  router.get('/health/ready', async (_request, response) => {
    const isReady = await deps.checkReady().then(
      () => true,
      () => false,
    );
    sendJson(
      response,
      isReady ? 200 : 503,
      validator.checkResponse('health', { status: isReady ? 'ok' : 'unavailable' }),
    );
  });
  router.get('/metrics', async (_request, response) => {
    response.type('text/plain; version=0.0.4').send(await operations.watch.metricsText());
  });
  router.all(
    ['/public-key', '/.well-known/jwks.json', ...LIVE_PATHS, '/health/ready', '/metrics'],
    onlyMethods('GET'),
  );
  return router;
}
