import { utf8Text } from '../lib/bytes.js';

const LINE_FEED = 0x0a;

/** A line without its line feed, or why there is none; numbers start with 1. */
export type Line =
  | { readonly number: number; readonly text: string }
  | {
      readonly number: number;
      readonly fault: 'LINE_TOO_LONG' | 'LINE_MALFORMED' | 'LINE_UNFINISHED';
    };

/** Cuts bytes into lines, of which it holds at most one at a time. */
export interface LineSplitter {
  push(chunk: Uint8Array): Generator<Line>;
  /** What is left after the last line feed, if anything. */
  end(): Generator<Line>;
}

/**
 * Lines end with 0x0a and with nothing else: readers that also split at a carriage return would let
 * a changed byte pass. A line above the limit is skipped, not kept.
 */
export function createLineSplitter(limitBytes: number): LineSplitter {
  let number = 1;
  let held: Uint8Array[] = [];
  let heldBytes = 0;

  function hold(part: Uint8Array): void {
    heldBytes += part.byteLength;
    if (heldBytes > limitBytes) held = [];
    else held.push(part);
  }

  function take(): Line {
    const line = lineOf(number, heldBytes > limitBytes ? undefined : Buffer.concat(held));
    number += 1;
    held = [];
    heldBytes = 0;
    return line;
  }

  return {
    *push(chunk) {
      let start = 0;
      for (let end = chunk.indexOf(LINE_FEED); end !== -1; end = chunk.indexOf(LINE_FEED, start)) {
        hold(chunk.subarray(start, end));
        yield take();
        start = end + 1;
      }
      if (start < chunk.byteLength) hold(Uint8Array.from(chunk.subarray(start)));
    },
    *end() {
      if (heldBytes > 0) yield { number, fault: 'LINE_UNFINISHED' };
    },
  };
}

function lineOf(number: number, bytes: Uint8Array | undefined): Line {
  if (bytes === undefined) return { number, fault: 'LINE_TOO_LONG' };
  try {
    return { number, text: utf8Text(bytes) };
  } catch {
    return { number, fault: 'LINE_MALFORMED' };
  }
}
