import { ServiceError } from '../errors/service-error.js';
import { SECOND_MS } from '../lib/clock.js';
import { headerValues, type RawHeaders } from './header-values.js';

const WINDOW_MS = 300 * SECOND_MS;

/** Smaller numbers count seconds (until the year 5138), greater ones milliseconds (since 1973). */
const FIRST_MILLISECONDS = 100_000_000_000;

/**
 * Checks `X-Timestamp`, Unix time in seconds or milliseconds, where it is given.
 *
 * Throws INVALID_HEADER when it is not a whole number or is given twice differently,
 * STALE_TIMESTAMP when it is more than 300 s away from `nowMs`.
 */
export function checkTimestamp(rawHeaders: RawHeaders, nowMs: number): void {
  const [text, ...others] = headerValues(rawHeaders, ['x-timestamp']);
  if (text === undefined) return;
  if (others.length > 0 || !/^\d{1,15}$/.test(text)) {
    throw new ServiceError('INVALID_HEADER', {
      problems: [
        {
          pointer: '/headers/X-Timestamp',
          message: 'must be one Unix time in seconds or milliseconds',
        },
      ],
    });
  }
  const given = Number(text);
  const givenMs = given < FIRST_MILLISECONDS ? given * SECOND_MS : given;
  if (Math.abs(givenMs - nowMs) > WINDOW_MS) throw new ServiceError('STALE_TIMESTAMP');
}
