import { utf8 } from '../../lib/bytes.js';

interface Alphabet {
  /** What each of the 256 bytes stands for as a digit; -1 for none. */
  readonly valueOf: Int8Array;
  readonly bitsPerDigit: 4 | 6;
  /** A run may begin after this many digits that belong to something else. */
  readonly phases: 2 | 4;
}

const LETTERS = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ';
const BASE64_DIGITS = `${LETTERS}${LETTERS.toLowerCase()}0123456789`;
/** Both forms (RFC 4648 §4 and §5). */
const BASE64: Alphabet = {
  valueOf: digitValues([`${BASE64_DIGITS}+/`, `${BASE64_DIGITS}-_`]),
  bitsPerDigit: 6,
  phases: 4,
};
const HEX: Alphabet = {
  valueOf: digitValues(['0123456789abcdef', '0123456789ABCDEF']),
  bitsPerDigit: 4,
  phases: 2,
};

/** A line of at least so many digits may be wrapped: PEM wraps after 64, MIME after 76, xxd after 60. */
const SHORTEST_WRAPPED_LINE = 60;

const BACKSLASH = 0x5c;
const LINE_BREAKS = [0x0a, 0x0d];
const ESCAPED_LINE_BREAKS = [0x6e, 0x72];
const ESCAPED_SLASH = 0x2f;

/**
 * What the runs of base64, base64url and hex digits in a text stand for: each run of at least
 * `shortestDigits`, decoded from each of its first digits that could be the beginning, since
 * something else may end right before it. Runs go on over wrapped lines, also where JSON writes
 * `\n`, `\r` and `\/`.
 */
export function* decodedRuns(bytes: Uint8Array, shortestDigits: number): Generator<Uint8Array> {
  for (const run of runsIn(bytes, BASE64, shortestDigits)) {
    yield* decoded(run, BASE64);
    // Digits of hex are digits of base64, too.
    for (const part of runsIn(run, HEX, shortestDigits)) yield* decoded(part, HEX);
  }
}

function* decoded(
  run: Uint8Array,
  { valueOf, bitsPerDigit, phases }: Alphabet,
): Generator<Uint8Array> {
  const digits = digitsOf(run, valueOf);
  for (let phase = 0; phase < phases; phase += 1)
    yield packed(digits.subarray(phase), bitsPerDigit);
  digits.fill(0);
}

function* runsIn(
  bytes: Uint8Array,
  { valueOf }: Alphabet,
  shortestDigits: number,
): Generator<Uint8Array> {
  const shortestLine = Math.min(shortestDigits, SHORTEST_WRAPPED_LINE);
  for (let at = 0; at < bytes.byteLength; at += 1) {
    const lineEnd = endOfLine(bytes, valueOf, at);
    if (lineEnd - at < shortestLine && bytes[lineEnd] !== BACKSLASH) {
      at = lineEnd;
      continue;
    }
    const run = measure(bytes, valueOf, at);
    if (run.digits >= shortestDigits) yield bytes.subarray(at, run.end);
    at = run.end;
  }
}

/** Most digits in arbitrary bytes stand alone: they are passed over here, fast. */
function endOfLine(bytes: Uint8Array, valueOf: Int8Array, start: number): number {
  let at = start;
  while (at < bytes.byteLength && (valueOf[bytes[at] ?? 0] ?? -1) >= 0) at += 1;
  return at;
}

function measure(bytes: Uint8Array, valueOf: Int8Array, start: number) {
  let digits = 0;
  let lineDigits = 0;
  let isWrapped = false;
  let at = start;
  while (at < bytes.byteLength) {
    if ((valueOf[bytes[at] ?? 0] ?? -1) >= 0) {
      digits += 1;
      lineDigits += 1;
      at += 1;
      continue;
    }
    const gap = gapAt(bytes, at);
    const mayWrap = lineDigits >= SHORTEST_WRAPPED_LINE || (isWrapped && lineDigits === 0);
    if (gap === undefined || (gap.isLineBreak && !mayWrap)) break;
    if (gap.isLineBreak) {
      lineDigits = 0;
      isWrapped = true;
    }
    at += gap.lengthBytes;
  }
  return { end: at, digits };
}

/** What may stand between two digits of a run. */
function gapAt(bytes: Uint8Array, at: number) {
  const byte = bytes[at] ?? 0;
  if (LINE_BREAKS.includes(byte)) return { lengthBytes: 1, isLineBreak: true };
  if (byte !== BACKSLASH) return undefined;
  const escaped = bytes[at + 1] ?? 0;
  if (ESCAPED_LINE_BREAKS.includes(escaped)) return { lengthBytes: 2, isLineBreak: true };
  return escaped === ESCAPED_SLASH ? { lengthBytes: 1, isLineBreak: false } : undefined;
}

function digitsOf(run: Uint8Array, valueOf: Int8Array): Uint8Array {
  const values = new Uint8Array(run.byteLength);
  let filled = 0;
  for (let at = 0; at < run.byteLength; ) {
    const gap = gapAt(run, at);
    if (gap === undefined) {
      values[filled] = valueOf[run[at] ?? 0] ?? 0;
      filled += 1;
    }
    at += gap?.lengthBytes ?? 1;
  }
  return values.subarray(0, filled);
}

/** Digits joined into bytes; bits that fill no byte are dropped. */
function packed(digits: Uint8Array, bitsPerDigit: number): Uint8Array {
  const bytes = new Uint8Array(Math.floor((digits.byteLength * bitsPerDigit) / 8));
  let bits = 0;
  let bitCount = 0;
  let filled = 0;
  for (const digit of digits) {
    bits = ((bits << bitsPerDigit) | digit) & 0xffff;
    bitCount += bitsPerDigit;
    if (bitCount >= 8) {
      bitCount -= 8;
      bytes[filled] = bits >> bitCount;
      filled += 1;
    }
  }
  return bytes;
}

function digitValues(alphabets: readonly string[]): Int8Array {
  const values = new Int8Array(256).fill(-1);
  for (const alphabet of alphabets)
    utf8(alphabet).forEach((byte, value) => {
      values[byte] = value;
    });
  return values;
}
