import type { RequestHandler } from 'express';
import { ServiceError } from '../errors/service-error.js';

/**
 * Middleware that lets a body of any type arrive and forgets it chunk by chunk: images are never
 * stored, so nothing needs to hold one. Fails with BODY_TOO_LARGE beyond limitBytes.
 */
export function discardBody(limitBytes: number): RequestHandler {
  return (request, _response, next) => {
    let sizeBytes = Number(request.headers['content-length'] ?? 0);
    let arrivedBytes = 0;
    function settle(failure?: ServiceError): void {
      request.off('data', count);
      request.off('end', settle);
      // What still arrives is dropped by the stream itself.
      request.resume();
      next(failure);
    }
    function count(chunk: Uint8Array): void {
      arrivedBytes += chunk.length;
      sizeBytes = Math.max(sizeBytes, arrivedBytes);
      if (sizeBytes > limitBytes) settle(tooLarge(limitBytes));
    }
    if (sizeBytes > limitBytes) {
      settle(tooLarge(limitBytes));
      return;
    }
    request.on('data', count);
    request.once('end', settle);
  };
}

function tooLarge(limitBytes: number): ServiceError {
  const message = `is larger than ${String(limitBytes)} bytes`;
  return new ServiceError('BODY_TOO_LARGE', { problems: [{ pointer: '', message }] });
}
