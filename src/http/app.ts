import express, { type Express } from 'express';
import { createSessionRoutes } from './create-session.js';
import { deliveryRoutes } from './delivery-routes.js';
import type { HttpDeps } from './deps.js';
import { erasureRoutes } from './erasure-routes.js';
import { answerErrors, nothingHere } from './error-handler.js';
import { inSessionRoutes } from './in-session-routes.js';
import { launchRoutes } from './launch-routes.js';
import { logRoutes } from './log-routes.js';
import { observeRequests } from './observe.js';
import { nameRequest } from './request-id.js';
import { checkRequestLine } from './request-line.js';
import { resultRoutes } from './result-routes.js';
import { reviewRoutes } from './review-routes.js';
import { secureAnswers } from './security-headers.js';
import { serviceRoutes } from './service-routes.js';
import { sessionRoutes } from './session-routes.js';
import { userRoutes } from './user-routes.js';
import { verifyRoutes } from './verify-routes.js';

/** The HTTP application: middleware and routes in the order in which a request meets them. */
export function createApp(deps: HttpDeps): Express {
  const app = express();
  app.disable('x-powered-by');
  app.disable('etag');
  app.set('query parser', 'simple');
  app.set('trust proxy', deps.settings.trustedProxies);

  app.use(observeRequests(deps.operations));
  app.use(secureAnswers());
  app.use(nameRequest());
  app.use(checkRequestLine());

  app.use(createSessionRoutes(deps));
  app.use(inSessionRoutes(deps));
  app.use(sessionRoutes(deps));
  app.use(resultRoutes(deps));
  app.use(launchRoutes(deps));
  app.use(erasureRoutes(deps));
  app.use(userRoutes(deps));
  app.use(reviewRoutes(deps));
  app.use(deliveryRoutes(deps));
  app.use(logRoutes(deps));
  app.use(verifyRoutes(deps));
  app.use(serviceRoutes(deps));

  app.use(nothingHere());
  app.use(answerErrors(deps.operations.watch));
  return app;
}
