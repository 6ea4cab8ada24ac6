/** How one error code leaves the service. */
export interface ErrorRow {
  /** HTTP status of the answer. */
  readonly status: number;
  /** The sentence that the caller reads; never holds a value from the request. */
  readonly message: string;
  /** Numbers of the public contract's error table, empty where it has none. */
  readonly contractCodes: readonly number[];
}

const row = (status: number, message: string, contractCodes: readonly number[] = []): ErrorRow => ({
  status,
  message,
  contractCodes,
});

/**
 * Every error that the API can answer with. README.md and openapi.yaml list the same codes;
 * a test compares the three in both directions.
 */
export const ERRORS = {
  MALFORMED_JSON: row(
    400,
    'The body is not valid JSON: UTF-8, no duplicate keys, at most 32 levels deep.',
  ),
  VALIDATION_FAILED: row(400, 'The request does not fit its schema.'),
  INVALID_CALLBACK_URL: row(400, 'callback.url is not an allowed webhook address.', [-14]),
  INVALID_CALLBACK_HEADERS: row(400, 'callback.headers holds a header that may not be set.', [-14]),
  INVALID_REDIRECT_URL: row(400, 'redirectURL is not an allowed redirect address.'),
  INVALID_HEADER: row(400, 'A request header is malformed.'),
  INVALID_IDEMPOTENCY_KEY: row(400, 'Idempotency-Key must be 1 to 255 visible ASCII characters.'),
  INVALID_EMBEDDING: row(
    400,
    'The embedding is not a finite, non-zero vector of the dimension of its model.',
    [-22],
  ),
  UNKNOWN_MODEL: row(400, 'The model is not configured on this service.', [-20]),
  DECRYPTION_FAILED: row(400, 'The encrypted payload could not be opened.', [-22]),
  RESULT_INVALID: row(400, 'The result is not one that this service signed for this session.'),
  UNAUTHENTICATED: row(401, 'The credentials are missing or not valid.'),
  STALE_TIMESTAMP: row(
    401,
    'X-Timestamp is more than 300 seconds away from the time of the service.',
  ),
  FORBIDDEN: row(403, 'The client may not do this.'),
  CHALLENGE_FAILED: row(403, 'The nonce is not the current challenge of this session.', [-15]),
  NOT_FOUND: row(404, 'There is no such resource.'),
  SESSION_NOT_FOUND: row(404, 'There is no such session.', [-24]),
  SUBJECT_NOT_FOUND: row(404, 'There is no such subject.'),
  METHOD_NOT_ALLOWED: row(405, 'The method is not supported here.'),
  REQUEST_TIMEOUT: row(408, 'The request took too long to arrive.'),
  SUBJECT_EXISTS: row(
    409,
    'A subject with this uuid is already enrolled; delete it before enrolling again.',
  ),
  SESSION_ENDED: row(409, 'The session has already ended; a session is used once.', [-15]),
  RESULT_USED: row(409, 'The result was redeemed before; a result is used once.'),
  EVENT_SUPERSEDED: row(
    409,
    'A later event of the session went out already; this one must not follow it.',
  ),
  WRONG_SESSION_TYPE: row(409, 'The session was created for another operation.'),
  IDEMPOTENCY_IN_FLIGHT: row(409, 'The first request with this Idempotency-Key is still running.'),
  SESSION_EXPIRED: row(410, 'The session has expired.', [-8]),
  RESULT_EXPIRED: row(410, 'The result has expired; decide by the webhook.'),
  BODY_TOO_LARGE: row(413, 'The body is larger than 100 kB.'),
  URI_TOO_LONG: row(414, 'The request address is too long.'),
  UNSUPPORTED_MEDIA_TYPE: row(415, 'The body must be application/json in UTF-8.'),
  IDEMPOTENCY_MISMATCH: row(422, 'This Idempotency-Key was used with another request.'),
  RATE_LIMITED: row(429, 'Too many requests; try again after the time in Retry-After.'),
  HEADERS_TOO_LARGE: row(431, 'The request headers are too large.'),
  INTERNAL: row(500, 'The service failed; the request id helps to find out why.'),
  UNAVAILABLE: row(
    503,
    'The service cannot complete this now; nothing was lost, try again after the time in Retry-After.',
  ),
} as const satisfies Record<string, ErrorRow>;

/** Stable name of an error; callers switch on it, never on the message. */
export type ErrorCode = keyof typeof ERRORS;
