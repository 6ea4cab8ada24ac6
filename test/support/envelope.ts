import { ERRORS, type ErrorRow } from '../../src/errors/codes.js';
import { createValidator } from '../../src/http/validate.js';

/** Part of every value that an attack sends; it must never come back. */
export const CANARY = 'zqcanary7f3';

const validator = createValidator(new URL('../../schemas/', import.meta.url));
const table: Readonly<Record<string, ErrorRow>> = ERRORS;

/**
 * Expects an error answer to be the caller's fault and the documented envelope: a code of the
 * table with its own status and sentence, nothing of the request and nothing of the inside.
 */
export function expectEnvelope(answer: { status: number; text: string }): string {
  const { status, text } = answer;
  expectNothingInside(text);
  // Without jest's own matchers, whose cost shows when there are thousands of answers.
  const { code, message } = validator.validate('error', parsed(text));
  const row = table[code];
  const isRight = row?.status === status && row.message === message;
  if (!isRight || status < 400 || status >= 500) {
    throw new Error(`status ${String(status)} came with ${text}`);
  }
  return code;
}

/** Expects no value of the request, and no stack, path or name of the code. */
export function expectNothingInside(text: string): void {
  if (!/zqcanary|node_modules|\.[jt]s:\d|\bat .+\(|node:internal|SQLITE|Mongo/i.test(text)) return;
  throw new Error(`something came back that must not: ${text.slice(0, 2_000)}`);
}

function parsed(text: string): Record<string, unknown> {
  try {
    return JSON.parse(text) as Record<string, unknown>;
  } catch {
    throw new Error(`no JSON came back: ${text.slice(0, 300)}`);
  }
}
