import { base64, concat, hex, parseBase64, parseHex, utf8 } from './bytes.js';

const NOTE_LIMIT_BYTES = 65_536;
const SIGNATURES_LIMIT = 64;
const KEY_ID_BYTES = 4;

/** Anything but control characters, save the line feed, and halves of surrogate pairs. */
const NOTE_TEXT = /^[^\u0000-\u0009\u000b-\u001f\p{Cs}]*$/u;
const KEY_NAME = /^[^\p{White_Space}+]+$/u;
const SIGNATURE_LINE = /^— ([^ ]+) ([^ ]+)$/u;

/** One signature line; that it fits the text is not known yet. */
export interface NoteSignature {
  /** Of the key. */
  readonly name: string;
  /** 8 hex digits. */
  readonly keyId: string;
  /** At least 1 byte; of what form depends on the key. */
  readonly signature: Uint8Array;
}

/**
 * A signed note (C2SP signed-note). What it says means nothing until a signature has been verified.
 *
 * ```text
 * This is the text,
 *
 * of any number of lines.
 *
 * — example.com/key q80BI…=
 * ```
 */
export interface SignedNote {
  /** Ends with a line feed; exactly what is signed. */
  readonly text: string;
  /** 1 to 64, in the order of the note. */
  readonly signatures: readonly NoteSignature[];
}

/** Reads a note of at most 64 KiB and 64 signatures; undefined when it is not exactly one. */
export function parseNote(note: string): SignedNote | undefined {
  if (note.length > NOTE_LIMIT_BYTES || utf8(note).length > NOTE_LIMIT_BYTES) return undefined;
  if (!NOTE_TEXT.test(note) || !note.endsWith('\n')) return undefined;
  const textEnd = note.lastIndexOf('\n\n') + 1;
  if (textEnd === 0) return undefined;
  const lines = note.slice(textEnd + 1, -1).split('\n');
  if (lines.length > SIGNATURES_LIMIT) return undefined;
  const signatures = lines.flatMap((line) => parseLine(line) ?? []);
  if (signatures.length < lines.length) return undefined;
  return { text: note.slice(0, textEnd), signatures };
}

/** Reads one signature line with its line feed; undefined when it is not exactly one. */
export function parseSignatureLine(line: string): NoteSignature | undefined {
  return line.endsWith('\n') && NOTE_TEXT.test(line) ? parseLine(line.slice(0, -1)) : undefined;
}

/** One signature line with its line feed: `— name base64(key id ‖ signature)`. */
export function signatureLine({ name, keyId, signature }: NoteSignature): string {
  return `— ${name} ${base64(concat(keyIdBytes(keyId), signature))}\n`;
}

/** The note of a text, ended by a line feed, and signature lines. */
export function noteWith(text: string, lines: readonly string[]): string {
  return `${text}\n${lines.join('')}`;
}

/** Whether a key may have this name: not empty, no white space of any script, no `+`. */
export function isKeyName(name: string): boolean {
  return KEY_NAME.test(name) && NOTE_TEXT.test(name);
}

function parseLine(line: string): NoteSignature | undefined {
  const [, name = '', encoded = ''] = SIGNATURE_LINE.exec(line) ?? [];
  const bytes = parseBase64(encoded);
  if (!isKeyName(name) || bytes === undefined || bytes.length <= KEY_ID_BYTES) return undefined;
  return {
    name,
    keyId: hex(bytes.subarray(0, KEY_ID_BYTES)),
    signature: bytes.slice(KEY_ID_BYTES),
  };
}

function keyIdBytes(keyId: string): Uint8Array {
  const bytes = parseHex(keyId);
  if (bytes?.length !== KEY_ID_BYTES) throw new TypeError('a key id is not 8 hex digits');
  return bytes;
}
