import { fileURLToPath } from 'node:url';
import express from 'express';
import { nothingHere } from '../../src/http/error-handler.js';
import { secureAnswers } from '../../src/http/security-headers.js';
import { listen } from '../../src/http/server.js';
import { verifyRoutes } from '../../src/http/verify-routes.js';

/** The page that checks receipts, of a service whose log has these keys, oldest first. */
export interface VerifyServer {
  /** Address of the page. */
  readonly url: string;
  close(): Promise<void>;
}

export async function startVerifyServer(vkeys: readonly string[]): Promise<VerifyServer> {
  const keys = vkeys.map((vkey, index) => ({ generation: index + 1, vkey, createdAtMs: 0 }));
  const webDir = fileURLToPath(new URL('../../dist/web/', import.meta.url));
  const app = express();
  app.use(secureAnswers());
  app.use(verifyRoutes({ webDir, operations: { log: { keys: async () => keys } } }));
  app.use(nothingHere());
  const listener = await listen(app, { host: '127.0.0.1', port: 0 });
  return {
    url: `http://127.0.0.1:${String(listener.port)}/verify`,
    close: async () => await listener.close(100),
  };
}
