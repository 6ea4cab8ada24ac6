import type { Response } from 'express';

/** Hosts that CSP can name. URL parsers accept more, such as `;` and `*`, which would change the policy. */
const SOURCE = /^https?:\/\/[A-Za-z0-9._-]+(:\d+)?$/;

export interface Page {
  readonly status: number;
  readonly html: string;
  /** Where a form of the page may lead, besides the service itself. */
  readonly formOrigins?: readonly string[];
  /** Who may show the page in a frame, besides the service itself. */
  readonly frameOrigins?: readonly string[];
}

/** Sends a page of the service with a policy of its own, in the place of the one for all answers. */
export function sendPage(response: Response, page: Page): void {
  const { formOrigins = [], frameOrigins = [] } = page;
  const policy = [
    "default-src 'none'",
    "base-uri 'none'",
    "connect-src 'self'",
    "img-src 'self'",
    "script-src 'self'",
    "style-src 'self'",
    ['form-action', ...sources(formOrigins)].join(' '),
    ['frame-ancestors', ...sources(frameOrigins)].join(' '),
  ];
  // It knows only one origin or none, and browsers that know frame-ancestors ignore it.
  response.removeHeader('X-Frame-Options');
  response.set('Content-Security-Policy', policy.join('; '));
  response.set('Permissions-Policy', 'camera=(self), microphone=()');
  response.status(page.status).type('html').send(page.html);
}

function sources(origins: readonly string[]): readonly string[] {
  return ["'self'", ...new Set(origins.filter((origin) => SOURCE.test(origin)))];
}
