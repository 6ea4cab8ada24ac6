import { ServiceError } from '../errors/service-error.js';
import { headerValues, type RawHeaders } from './header-values.js';

/** The credentials that a request brings, not checked yet. */
export interface PresentedCredentials {
  readonly apiKey?: string;
  readonly clientId?: string;
  readonly clientSecret?: string;
  /** A short-lived credential: see `slc.ts`. */
  readonly slc?: string;
}

/** Every accepted spelling, in lower case; the documented one comes first. */
const NAMES = {
  apiKey: ['x_api_key', 'x-api-key'],
  clientId: ['clientid', 'client-id', 'x-client-id', 'client_id'],
  clientSecret: ['clientsecret', 'client-secret', 'x-client-secret', 'client_secret'],
  slc: ['slc', 'x-slc'],
} as const satisfies Record<keyof PresentedCredentials, readonly string[]>;

const MAX_LENGTH = 4_096;

/**
 * Reads the credentials from the raw headers; undefined when there are none. `Authorization` is
 * not read: existing clients send `skip-auth` in it.
 *
 * Throws UNAUTHENTICATED when one thing is given two different values, under one name or several
 * (contract §5 row 4), or is longer than 4,096 characters.
 */
export function presentedCredentials(rawHeaders: RawHeaders): PresentedCredentials | undefined {
  const apiKey = single(headerValues(rawHeaders, NAMES.apiKey));
  const clientId = single(headerValues(rawHeaders, NAMES.clientId));
  const clientSecret = single(headerValues(rawHeaders, NAMES.clientSecret));
  const slc = single(headerValues(rawHeaders, NAMES.slc));
  if ([apiKey, clientId, clientSecret, slc].every((value) => value === undefined)) return undefined;
  return {
    ...(apiKey !== undefined && { apiKey }),
    ...(clientId !== undefined && { clientId }),
    ...(clientSecret !== undefined && { clientSecret }),
    ...(slc !== undefined && { slc }),
  };
}

function single(values: readonly string[]): string | undefined {
  const [value, ...others] = values;
  if (others.length > 0 || (value?.length ?? 0) > MAX_LENGTH) {
    throw new ServiceError('UNAUTHENTICATED', { detail: 'conflicting or oversize credentials' });
  }
  return value;
}
