import express, { type RequestHandler } from 'express';

/**
 * Serves the files of a folder but those that begin with a dot, or one file. Scripts and styles carry
 * no version in their names, so that browsers ask each time.
 */
export function staticFiles(place: string): RequestHandler[] {
  const serve = express.static(place, {
    index: false,
    redirect: false,
    acceptRanges: false,
    setHeaders: (response) => response.setHeader('Cache-Control', 'no-cache'),
  });
  return [withoutPreconditions, serve];
}

/** They guard changes (RFC 9110 §13.1); of a file that is only read, they would make a failure. */
const withoutPreconditions: RequestHandler = (request, _response, next) => {
  delete request.headers['if-match'];
  delete request.headers['if-unmodified-since'];
  next();
};
