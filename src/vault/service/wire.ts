import { SecretBytes } from '../../crypto/secret-bytes.js';
import { utf8 } from '../../lib/bytes.js';

/** What a vault can be asked to do, in the order of the method numbers, which begin with 1. */
export const METHODS = ['seal', 'open', 'exist', 'shred', 'shredScope', 'roots', 'check'] as const;
export type Method = (typeof METHODS)[number];

/** Limit of a request. */
export const MAX_REQUEST_BYTES = 8 * 1024 * 1024;
/** Limit of an answer: has room for the tombstones of a million keys. */
export const MAX_ANSWER_BYTES = 32 * 1024 * 1024;
/** Limit of the fields of a message, so that millions of empty ones cannot fill the memory. */
export const MAX_FIELDS = 65_536;

const MAGIC_BYTES = 4;
const MAGIC = { request: utf8('LVQ1'), result: utf8('LVA1'), failure: utf8('LVF1') } as const;
const METHOD_AT = MAGIC_BYTES;
const COUNT_AT = METHOD_AT + 1;
const FIELDS_AT = COUNT_AT + 4;
const LENGTH_BYTES = 4;
const UNDEFINED_LENGTH = 0xffff_ffff;

export type MessageKind = keyof typeof MAGIC;

/** A field to print; secret ones are copied into the message, and stay with the caller. */
export type Field = Uint8Array | SecretBytes | undefined;

/** Bytes that are not a message of this format, or a message that would break its limits. */
export class WireError extends Error {
  override readonly name = 'WireError';
}

/*
 * A message between a process and its key service, numbers big-endian:
 *
 *   offset  bytes  what                                                     exist(["k1"]) (hex)
 *        0      4  "LVQ1" a request, "LVA1" its result, "LVF1" why it failed    4c 56 51 31
 *        4      1  method: 1 seal, 2 open, 3 exist, 4 shred, 5 shredScope,      03
 *                  6 roots, 7 check
 *        5      4  number of fields                                             00 00 00 01
 *        9         for each field its length in 4 bytes, then so many bytes;    00 00 00 02 6b 31
 *                  the length ff ff ff ff is the field `undefined`
 *
 * Nothing follows. What the fields of each method are is in `wire-methods.ts`, those of a failure
 * in `wire-failure.ts`. Templates travel as raw bytes: a text of theirs could not be wiped.
 */

/** The bytes of a message; the caller wipes them. Throws {@link WireError} over the limits. */
export function printMessage(message: {
  readonly kind: MessageKind;
  readonly method: Method;
  readonly fields: readonly Field[];
}): SecretBytes {
  const { kind, method, fields } = message;
  if (fields.length > MAX_FIELDS)
    throw new WireError(`a ${kind} has at most ${MAX_FIELDS} fields; send fewer at a time`);
  const sizeBytes = fields.reduce((sum, field) => sum + LENGTH_BYTES + lengthOf(field), FIELDS_AT);
  if (sizeBytes > limitOf(kind))
    throw new WireError(`a ${kind} has at most ${limitOf(kind)} bytes; send less at a time`);
  const buffer = new ArrayBuffer(sizeBytes);
  const bytes = new Uint8Array(buffer);
  const view = new DataView(buffer);
  bytes.set(MAGIC[kind]);
  view.setUint8(METHOD_AT, METHODS.indexOf(method) + 1);
  view.setUint32(COUNT_AT, fields.length);
  let end = FIELDS_AT;
  for (const field of fields) {
    view.setUint32(end, field === undefined ? UNDEFINED_LENGTH : lengthOf(field));
    end += LENGTH_BYTES;
    copy(field, bytes.subarray(end));
    end += lengthOf(field);
  }
  return SecretBytes.own(buffer);
}

function lengthOf(field: Field): number {
  return field instanceof SecretBytes ? field.lengthBytes : (field?.byteLength ?? 0);
}

function copy(field: Field, target: Uint8Array): void {
  if (field instanceof SecretBytes) {
    field.use((bytes) => {
      target.set(bytes);
    });
  } else if (field !== undefined) target.set(field);
}

function limitOf(kind: MessageKind): number {
  return kind === 'request' ? MAX_REQUEST_BYTES : MAX_ANSWER_BYTES;
}

/**
 * Reads exactly what {@link printMessage} prints, of one of these kinds; everything else throws
 * {@link WireError}. The fields are views of the bytes.
 */
export function parseMessage(
  bytes: Uint8Array,
  kinds: readonly MessageKind[],
): { kind: MessageKind; method: Method; fields: readonly (Uint8Array | undefined)[] } {
  const kind = kinds.find((name) => MAGIC[name].every((byte, at) => bytes[at] === byte));
  if (kind === undefined || bytes.byteLength < FIELDS_AT)
    throw new WireError(`the bytes are not a vault ${kinds.join(' or ')}`);
  if (bytes.byteLength > limitOf(kind)) throw new WireError('the message is too large');
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const method = METHODS[view.getUint8(METHOD_AT) - 1];
  if (method === undefined) throw new WireError('the message names no known method');
  return { kind, method, fields: parseFields(bytes, view) };
}

function parseFields(bytes: Uint8Array, view: DataView): readonly (Uint8Array | undefined)[] {
  const count = view.getUint32(COUNT_AT);
  if (count > MAX_FIELDS) throw new WireError('the message has too many fields');
  const fields: (Uint8Array | undefined)[] = [];
  let at = FIELDS_AT;
  while (fields.length < count) {
    if (at + LENGTH_BYTES > bytes.byteLength) throw new WireError('the message is cut off');
    const length = view.getUint32(at);
    at += LENGTH_BYTES;
    if (length === UNDEFINED_LENGTH) {
      fields.push(undefined);
      continue;
    }
    if (at + length > bytes.byteLength) throw new WireError('the message is cut off');
    fields.push(bytes.subarray(at, at + length));
    at += length;
  }
  if (at !== bytes.byteLength) throw new WireError('bytes follow the message');
  return fields;
}
