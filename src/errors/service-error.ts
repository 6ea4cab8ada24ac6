import type { ErrorCode } from './codes.js';

/** One place in the request that is wrong: an RFC 6901 pointer and a sentence without the value. */
export interface Problem {
  readonly pointer: string;
  readonly message: string;
}

interface Details {
  /** What is wrong where, for the caller. */
  readonly problems?: readonly Problem[];
  /** What happened, for the log only; holds no personal data and no secret. */
  readonly detail?: string;
  /** Seconds after which the caller may try again. */
  readonly retryAfterSeconds?: number;
  readonly cause?: unknown;
}

/** The one error class of the service: a code from the table, and what the log may know besides. */
export class ServiceError extends Error {
  override readonly name = 'ServiceError';
  readonly code: ErrorCode;
  readonly problems: readonly Problem[];
  readonly retryAfterSeconds: number | undefined;

  constructor(code: ErrorCode, details: Details = {}) {
    super(details.detail ?? code, { cause: details.cause });
    this.code = code;
    this.problems = details.problems ?? [];
    this.retryAfterSeconds = details.retryAfterSeconds;
  }
}

/** Shorthand for a validation error at one place. */
export function invalidAt(
  pointer: string,
  message: string,
  code: ErrorCode = 'VALIDATION_FAILED',
): ServiceError {
  return new ServiceError(code, { problems: [{ pointer, message }] });
}
