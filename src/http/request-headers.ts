import type { Request } from 'express';
import { invalidAt, ServiceError } from '../errors/service-error.js';
import { utf8 } from '../lib/bytes.js';
import type { DeviceInfo } from '../lib/messages.js';
import { parseJson } from './parse-json.js';
import type { Validator } from './validate.js';

const DEVICE_INFO_LIMIT_BYTES = 4_096;
const IDEMPOTENCY_KEY = /^[\x21-\x7e]{1,255}$/;

/** X-Device-Info, where given: the JSON of an object like the body's `deviceInfo`. Throws INVALID_HEADER. */
export function deviceInfoOf(validator: Validator, request: Request): DeviceInfo | undefined {
  const text = request.get('X-Device-Info');
  if (text === undefined) return undefined;
  const bytes = utf8(text);
  try {
    if (bytes.byteLength > DEVICE_INFO_LIMIT_BYTES) throw new ServiceError('VALIDATION_FAILED');
    return validator.validate('device-info', parseJson(bytes));
  } catch {
    throw invalidAt(
      '/headers/X-Device-Info',
      'must be the JSON of a flat object of at most 4096 bytes',
      'INVALID_HEADER',
    );
  }
}

/**
 * The Idempotency-Key: a structured-field string or the bare value
 * (draft-ietf-httpapi-idempotency-key-header). Throws INVALID_IDEMPOTENCY_KEY.
 */
export function idempotencyKeyOf(request: Request): string | undefined {
  const given = request.get('Idempotency-Key');
  if (given === undefined) return undefined;
  const key = /^"(.*)"$/.exec(given)?.[1] ?? given;
  if (!IDEMPOTENCY_KEY.test(key)) throw new ServiceError('INVALID_IDEMPOTENCY_KEY');
  return key;
}
