import { visit } from 'jsonc-parser';
import { ServiceError } from '../errors/service-error.js';
import { utf8Text } from '../lib/bytes.js';

/** Objects and arrays inside each other; the body itself is the first level. */
const MAX_DEPTH = 32;

/**
 * The value of a JSON text (RFC 8259), more strictly than JSON.parse: UTF-8 only, no byte order
 * mark, at most 32 levels deep, and no object with the same key twice at any level. Of two equal
 * keys JSON.parse keeps the last and other parsers keep the first, so that two readers of one
 * request could see two operations.
 * Throws MALFORMED_JSON.
 */
export function parseJson(bytes: Uint8Array): unknown {
  if (bytes.length === 0) throw malformed('is empty');
  const text = decode(bytes);
  const value = parse(text);
  // The order matters: visit() is lenient with what is not JSON, and gives up at the depth bound
  // before its recursion can grow.
  checkStructure(text);
  return value;
}

function decode(bytes: Uint8Array): string {
  let text: string;
  try {
    text = utf8Text(bytes);
  } catch {
    throw malformed('is not UTF-8');
  }
  if (text.startsWith('\uFEFF')) throw malformed('starts with a byte order mark');
  return text;
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    // Without a cause: the message of the engine quotes the body.
    throw malformed('is not valid JSON');
  }
}

function checkStructure(text: string): void {
  const open: Set<string>[] = [];
  function enter(): void {
    if (open.length === MAX_DEPTH) throw malformed(`is more than ${String(MAX_DEPTH)} levels deep`);
    open.push(new Set());
  }
  function leave(): void {
    open.pop();
  }
  visit(text, {
    onObjectBegin: enter,
    onArrayBegin: enter,
    onObjectEnd: leave,
    onArrayEnd: leave,
    onObjectProperty: (key) => {
      const keys = open.at(-1);
      if (keys?.has(key)) throw malformed('has an object with the same key twice');
      keys?.add(key);
    },
  });
}

function malformed(message: string): ServiceError {
  return new ServiceError('MALFORMED_JSON', { problems: [{ pointer: '', message }] });
}
