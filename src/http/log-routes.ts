import { type Response, Router } from 'express';
import { type ReadLogDeps, readCheckpoint, readLogKeys, readTile } from '../operations/read-log.js';
import { allowAnyOrigin } from './cors.js';
import { onlyMethods } from './methods.js';

const PATHS = ['/log/checkpoint', '/log/keys', '/log/tile/*tile'];
/** A year, which stands for ever (RFC 8246). */
const FOR_EVER = 'public, max-age=31536000, immutable';

/** The public log as C2SP tlog-tiles has it, under the prefix /log, and its keys. */
export function logRoutes({ operations }: { readonly operations: ReadLogDeps }): Router {
  const router = Router({ caseSensitive: true });
  router.all(PATHS, allowAnyOrigin(['GET']));
  router.get('/log/checkpoint', async (_request, response) => {
    const note = await readCheckpoint(operations);
    response.set('Cache-Control', 'no-cache');
    sendText(response, note);
  });
  router.get('/log/keys', async (_request, response) => {
    const keys = await readLogKeys(operations);
    response.set('Cache-Control', 'public, max-age=300');
    sendText(response, keys);
  });
  router.get('/log/tile/*tile', async (request, response) => {
    // As it was sent: decoded, a path would have more than one spelling.
    const tile = await readTile(operations, request.path.slice('/log/'.length));
    response.set('Cache-Control', FOR_EVER);
    sendBytes(response, 'application/octet-stream', tile);
  });
  router.all(PATHS, onlyMethods('GET'));
  return router;
}

function sendText(response: Response, text: string): void {
  sendBytes(response, 'text/plain; charset=utf-8', Buffer.from(text));
}

function sendBytes(response: Response, mediaType: string, bytes: Uint8Array): void {
  response.set('Content-Type', mediaType);
  response.set('Content-Length', bytes.byteLength.toString());
  response.end(bytes);
}
