import { type Request, type RequestHandler, raw } from 'express';
import { ServiceError } from '../errors/service-error.js';
import { isIdentityEncoding, isJsonMediaType } from './media-type.js';
import { parseJson } from './parse-json.js';

/** Largest JSON body that is read. */
export const BODY_LIMIT_BYTES = 100 * 1024;

/** A body that was read: the exact bytes, which digests are made of, and their value. */
export interface JsonBody {
  readonly bytes: Uint8Array;
  readonly value: unknown;
}

const bodies = new WeakMap<Request, JsonBody>();

/**
 * Middleware that reads and parses the JSON body of any method; jsonBodyOf gives it.
 * Fails with UNSUPPORTED_MEDIA_TYPE, BODY_TOO_LARGE or MALFORMED_JSON (also for an absent body).
 */
export function readJsonBody(): RequestHandler {
  const readBytes: RequestHandler = raw({
    type: () => true,
    limit: BODY_LIMIT_BYTES,
    inflate: false,
  });
  return (request, response, next) => {
    refuseByHeaders(request);
    readBytes(request, response, (error?: unknown) => {
      if (error !== undefined) {
        next(asServiceError(error));
        return;
      }
      const bytes: unknown = request.body;
      request.body = undefined;
      let failure: unknown;
      try {
        keep(request, bytes instanceof Uint8Array ? bytes : new Uint8Array());
      } catch (problem) {
        failure = problem;
      }
      next(failure);
    });
  };
}

/** The body that readJsonBody read for this request. */
export function jsonBodyOf(request: Request): JsonBody {
  const body = bodies.get(request);
  if (body === undefined) throw new Error('readJsonBody did not run for this route');
  return body;
}

function keep(request: Request, bytes: Uint8Array): void {
  bodies.set(request, { bytes, value: parseJson(bytes) });
}

function refuseByHeaders(request: Request): void {
  const { headers } = request;
  const length = headers['content-length'];
  const hasBody = headers['transfer-encoding'] !== undefined || (length ?? '0') !== '0';
  const type = headers['content-type'];
  if ((hasBody || type !== undefined) && !isJsonMediaType(type)) {
    throw new ServiceError('UNSUPPORTED_MEDIA_TYPE');
  }
  if (!isIdentityEncoding(headers['content-encoding'])) {
    throw new ServiceError('UNSUPPORTED_MEDIA_TYPE');
  }
  // Answered at once: the reader below would swallow the whole body before it says so.
  if (Number(length ?? 0) > BODY_LIMIT_BYTES) throw new ServiceError('BODY_TOO_LARGE');
}

function asServiceError(error: unknown): ServiceError {
  const type = error instanceof Error && 'type' in error ? error.type : undefined;
  switch (type) {
    case 'entity.too.large':
      return new ServiceError('BODY_TOO_LARGE');
    case 'request.aborted':
    case 'request.size.invalid':
      return new ServiceError('MALFORMED_JSON', {
        problems: [{ pointer: '', message: 'ended before its Content-Length' }],
      });
    default:
      return new ServiceError('INTERNAL', { detail: 'body could not be read', cause: error });
  }
}
