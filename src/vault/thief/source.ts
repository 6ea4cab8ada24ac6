import { open } from 'node:fs/promises';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { constants, createInflateRaw } from 'node:zlib';

const READ_BYTES = 256 * 1024;
const WINDOW_BYTES = 4 * 1024 * 1024;
/** What is shorter lies whole in one of two windows: any blob, also one that is written in hex. */
const OVERLAP_BYTES = 64 * 1024;
const ALIGNMENT_BYTES = 8;

/** A part of a source; valid until the next one is asked for. */
export interface Window {
  readonly bytes: Uint8Array;
  /** Where in the source it begins. */
  readonly atByte: number;
}

/** Bytes of any length that can be read as often as needed. What was read of a file is wiped. */
export interface Source {
  /** All of it in overlapping windows. */
  windows(): AsyncIterable<Window>;
  /** All from an offset on, in pieces that are valid until the next one is asked for. */
  read(fromByte: number): AsyncIterable<Uint8Array>;
}

export function bytesSource(bytes: Uint8Array): Source {
  return {
    windows: async function* () {
      yield { bytes, atByte: 0 };
    },
    read: async function* (fromByte) {
      yield bytes.subarray(fromByte);
    },
  };
}

/** A file; what fails while it is read is thrown from there. */
export function fileSource(path: string): Source {
  const read = (fromByte: number) => readFile(path, fromByte);
  return { windows: () => windowsOver(read(0)), read };
}

/** A raw deflate stream (RFC 1951) inside a source; what follows its end is not its. */
export function inflatedSource(inside: Source, fromByte: number): Source {
  const read = (skippedBytes: number) => skipping(skippedBytes, inflated(inside.read(fromByte)));
  return { windows: () => windowsOver(read(0)), read };
}

async function* readFile(path: string, fromByte: number): AsyncGenerator<Uint8Array> {
  const file = await open(path);
  const buffer = new Uint8Array(READ_BYTES);
  try {
    for (let at = fromByte; ; ) {
      const { bytesRead } = await file.read(buffer, 0, READ_BYTES, at);
      if (bytesRead === 0) return;
      at += bytesRead;
      yield buffer.subarray(0, bytesRead);
    }
  } finally {
    buffer.fill(0);
    await file.close();
  }
}

/** Of pieces of at most {@link READ_BYTES}. */
async function* windowsOver(pieces: AsyncIterable<Uint8Array>): AsyncGenerator<Window> {
  const buffer = new Uint8Array(WINDOW_BYTES + READ_BYTES);
  let filledBytes = 0;
  let atByte = 0;
  try {
    for await (const piece of pieces) {
      buffer.set(piece, filledBytes);
      filledBytes += piece.byteLength;
      if (filledBytes < WINDOW_BYTES) continue;
      yield { bytes: buffer.subarray(0, filledBytes), atByte };
      const doneBytes = filledBytes - OVERLAP_BYTES;
      // What is aligned in the source stays aligned in every window.
      const nextBytes = doneBytes - (doneBytes % ALIGNMENT_BYTES);
      buffer.copyWithin(0, nextBytes, filledBytes);
      atByte += nextBytes;
      filledBytes -= nextBytes;
    }
    yield { bytes: buffer.subarray(0, filledBytes), atByte };
  } finally {
    buffer.fill(0);
  }
}

/** What is not deflated, or is damaged, ends where it stops to make sense. */
async function* inflated(pieces: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  // Bytes that are cut off at the end of a file count up to there.
  const inflate = createInflateRaw({ finishFlush: constants.Z_SYNC_FLUSH });
  const fed = pipeline(Readable.from(copies(pieces)), inflate).catch((error: unknown) => error);
  try {
    for await (const piece of inflate) yield piece as Uint8Array;
  } catch (error) {
    if (!isZlibError(error)) throw error;
  } finally {
    inflate.destroy();
    await fed;
  }
}

/** The stream reads ahead of what it has worked on. */
async function* copies(pieces: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  for await (const piece of pieces) yield piece.slice();
}

async function* skipping(
  skippedBytes: number,
  pieces: AsyncIterable<Uint8Array>,
): AsyncGenerator<Uint8Array> {
  let left = skippedBytes;
  for await (const piece of pieces) {
    if (left < piece.byteLength) yield piece.subarray(left);
    left = Math.max(0, left - piece.byteLength);
  }
}

function isZlibError(error: unknown): boolean {
  return (error as NodeJS.ErrnoException).code?.startsWith('Z_') === true;
}
