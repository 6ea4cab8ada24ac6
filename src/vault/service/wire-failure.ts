import { SealBroken } from '../../crypto/seal.js';
import type { SecretBytes } from '../../crypto/secret-bytes.js';
import { ERRORS, type ErrorCode } from '../../errors/codes.js';
import { ServiceError } from '../../errors/service-error.js';
import { utf8 } from '../../lib/bytes.js';
import { type Method, printMessage, WireError } from './wire.js';
import { type FieldReader, numberField } from './wire-fields.js';

/** What a vault may throw: it arrives as the same kind of error. */
export type WireFailure = ServiceError | SealBroken;

const SEAL_BROKEN = 'SEAL_BROKEN';

/**
 * The answer to a method that failed. Its fields: the code of a ServiceError, or "SEAL_BROKEN"; one
 * sentence; the seconds after which to try again, or undefined.
 */
export function printFailure(method: Method, failure: WireFailure): SecretBytes {
  const isService = failure instanceof ServiceError;
  const retryAfterSeconds = isService ? failure.retryAfterSeconds : undefined;
  return printMessage({
    kind: 'failure',
    method,
    fields: [
      utf8(isService ? failure.code : SEAL_BROKEN),
      utf8(failure.message),
      retryAfterSeconds === undefined ? undefined : numberField(retryAfterSeconds),
    ],
  });
}

/** Reads what {@link printFailure} prints. */
export function readFailure(fields: FieldReader): WireFailure {
  const code = fields.text();
  const detail = fields.text();
  const retryAfterSeconds = fields.optional(() => fields.number());
  fields.end();
  if (code === SEAL_BROKEN && retryAfterSeconds === undefined) return new SealBroken(detail);
  if (!isErrorCode(code)) throw new WireError('the message names no known error code');
  return new ServiceError(code, {
    detail,
    ...(retryAfterSeconds !== undefined && { retryAfterSeconds }),
  });
}

function isErrorCode(code: string): code is ErrorCode {
  return Object.hasOwn(ERRORS, code);
}
