import { ServiceError } from '../errors/service-error.js';
import { scrub } from './scrub.js';

/** Causes deeper than this are left out. */
const CAUSE_DEPTH = 3;
const FRAMES_PER_ERROR = 10;
const FRAME = /^ {4}at [\w$.<>[\]() /:@+#-]{1,300}$/;
/** Names and codes that programs give errors: `TypeError`, `ECONNREFUSED`, `11000`. */
const LABEL = /^[A-Za-z0-9_]{1,64}$/;

/** What the log says of an error. */
export interface ErrorFields {
  /** Name and code of the error, then of its causes. */
  readonly error: string;
  /** The sentence of a ServiceError, which its thrower wrote for the log. */
  readonly detail: string | undefined;
  /** Where it was thrown, frame by frame; absent for a ServiceError without a cause. */
  readonly stack: readonly string[] | undefined;
}

/**
 * Names an error and shows where it came from, without its message: parsers and databases quote the
 * value that they choked on, so a message may hold anything that a request held.
 */
export function describeError(error: unknown): ErrorFields {
  const chain = causes(error);
  const [first] = chain;
  const isExpected = first instanceof ServiceError && chain.length === 1;
  return {
    error: chain.map(label).join(' < '),
    detail: first instanceof ServiceError ? scrub(first.message) : undefined,
    stack: isExpected ? undefined : chain.flatMap(frames),
  };
}

function causes(error: unknown): readonly unknown[] {
  const chain = [error];
  for (let at = error; at instanceof Error && at.cause !== undefined; at = at.cause) {
    if (chain.length >= CAUSE_DEPTH) break;
    chain.push(at.cause);
  }
  return chain;
}

function label(error: unknown): string {
  if (!(error instanceof Error)) return `thrown ${typeof error}`;
  const code: unknown = 'code' in error ? error.code : undefined;
  const parts = [error.name, typeof code === 'number' ? code.toString() : code];
  return parts.filter((part) => typeof part === 'string' && LABEL.test(part)).join(' ') || 'Error';
}

function frames(error: unknown): readonly string[] {
  if (!(error instanceof Error) || typeof error.stack !== 'string') return [];
  const lines = withoutMessage(error.stack, error.message).split('\n');
  const first = lines.findLastIndex((line) => !FRAME.test(line)) + 1;
  return lines.slice(first, first + FRAMES_PER_ERROR).map((line) => scrub(line.trim()));
}

/** A message may itself hold lines that look like frames. */
function withoutMessage(stack: string, message: string): string {
  const start = message === '' ? -1 : stack.indexOf(message);
  return start === -1 ? stack : stack.slice(start + message.length);
}
