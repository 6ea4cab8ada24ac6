/*
 * Bytes as text, each in its one spelling. Whatever is not exactly what the printer writes is
 * undefined.
 */

const BASE64 = codesOf('ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/');
const BASE64URL = codesOf('ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_');
const HEX = codesOf('0123456789abcdef');
const BASE64_VALUES = valuesOf(BASE64);
const BASE64URL_VALUES = valuesOf(BASE64URL);
const HEX_VALUES = valuesOf(HEX);

const PADDING = 0x3d;
/** A set high bit: in no alphabet. */
const INVALID = 0xff;

/** UTF-8 bytes of a text. */
export function utf8(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

/** Text of UTF-8 bytes; undefined when they are not UTF-8. */
export function parseUtf8(bytes: Uint8Array): string | undefined {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return undefined;
  }
}

/** Padded standard base64 (RFC 4648 §4). */
export function base64(bytes: Uint8Array): string {
  const unpadded = printBase64(bytes, BASE64);
  const text = new Uint8Array(Math.ceil(bytes.length / 3) * 4).fill(PADDING);
  text.set(unpadded);
  return ascii(text);
}

/** Bytes of padded standard base64. */
export function parseBase64(text: string): Uint8Array | undefined {
  if (text.length % 4 !== 0) return undefined;
  const unpadded = text.endsWith('==') ? text.slice(0, -2) : text.replace(/=$/, '');
  return parseUnpadded(unpadded, BASE64_VALUES);
}

/** Unpadded base64url (RFC 4648 §5; RFC 7515 §2). */
export function base64url(bytes: Uint8Array): string {
  return ascii(printBase64(bytes, BASE64URL));
}

/** Bytes of unpadded base64url. */
export function parseBase64url(text: string): Uint8Array | undefined {
  return parseUnpadded(text, BASE64URL_VALUES);
}

/** Hexadecimal in lower case. */
export function hex(bytes: Uint8Array): string {
  const text = new Uint8Array(bytes.length * 2);
  for (let at = 0; at < bytes.length; at += 1) {
    const byte = byteAt(bytes, at);
    text[2 * at] = byteAt(HEX, byte >> 4);
    text[2 * at + 1] = byteAt(HEX, byte & 15);
  }
  return ascii(text);
}

/** Bytes of lower-case hexadecimal. */
export function parseHex(text: string): Uint8Array | undefined {
  const digits = digitsOf(text, HEX_VALUES);
  if (digits === undefined || digits.length % 2 !== 0) return undefined;
  const bytes = new Uint8Array(digits.length / 2);
  for (let at = 0; at < bytes.length; at += 1)
    bytes[at] = (byteAt(digits, 2 * at) << 4) | byteAt(digits, 2 * at + 1);
  return bytes;
}

/** The parts one after the other. */
export function concat(...parts: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(parts.reduce((length, part) => length + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

/** Whether two byte strings are the same. Takes a time that tells where they differ: no secrets. */
export function equal(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, at) => byte === b[at]);
}

/** Six bits a character; of the last character the bits that carry nothing are 0. */
function printBase64(bytes: Uint8Array, alphabet: Uint8Array): Uint8Array {
  const text = new Uint8Array(Math.ceil((bytes.length * 4) / 3));
  let length = 0;
  for (let at = 0; at < bytes.length; at += 3) {
    const group = (byteAt(bytes, at) << 16) | (byteAt(bytes, at + 1) << 8) | byteAt(bytes, at + 2);
    for (let shift = 18; shift >= 0 && length < text.length; shift -= 6) {
      text[length] = byteAt(alphabet, (group >> shift) & 63);
      length += 1;
    }
  }
  return text;
}

function parseUnpadded(text: string, values: Uint8Array): Uint8Array | undefined {
  const digits = digitsOf(text, values);
  if (digits === undefined || digits.length % 4 === 1) return undefined;
  const bytes = new Uint8Array(Math.floor((digits.length * 3) / 4));
  let waiting = 0;
  let waitingBits = 0;
  let length = 0;
  for (const digit of digits) {
    waiting = ((waiting << 6) | digit) & 0xfff;
    waitingBits += 6;
    if (waitingBits < 8) continue;
    waitingBits -= 8;
    bytes[length] = waiting >> waitingBits;
    length += 1;
  }
  const left = waiting & ((1 << waitingBits) - 1);
  return left === 0 ? bytes : undefined;
}

function digitsOf(text: string, values: Uint8Array): Uint8Array | undefined {
  const digits = new Uint8Array(text.length);
  for (let at = 0; at < text.length; at += 1) {
    const value = values[text.charCodeAt(at)] ?? INVALID;
    if (value === INVALID) return undefined;
    digits[at] = value;
  }
  return digits;
}

function valuesOf(alphabet: Uint8Array): Uint8Array {
  const values = new Uint8Array(128).fill(0xff);
  for (const [value, code] of alphabet.entries()) values[code] = value;
  return values;
}

function codesOf(alphabet: string): Uint8Array {
  return new TextEncoder().encode(alphabet);
}

function ascii(codes: Uint8Array): string {
  return new TextDecoder().decode(codes);
}

/** Behind the end there is 0. */
function byteAt(bytes: Uint8Array, at: number): number {
  return bytes[at] ?? 0;
}
