import { decodedRuns } from './encoded-runs.js';
import { type BlobSink, findBlobs } from './find-blobs.js';
import { bytesSource, inflatedSource, type Source } from './source.js';

/** Text in a compressed dump in text, and once more: nobody packs deeper than that by accident. */
const DEEPEST = 4;
/** Blobs are longer than what this many base64 digits stand for. */
const SHORTEST_RUN_DIGITS = 100;

const GZIP_MAGIC = [0x1f, 0x8b, 0x08] as const;
const GZIP_HEADER_BYTES = 10;
const GZIP_FLAGS_AT = 3;
const HAS_CRC = 0x02;
const HAS_EXTRA = 0x04;
const HAS_NAME = 0x08;
const HAS_COMMENT = 0x10;
const RESERVED_FLAGS = 0xe0;

/**
 * Finds every blob in a source, also in runs of base64, base64url or hex and in gzip members
 * (RFC 1952) inside it, and in those inside them. Other compression, and encryption, keep what they
 * hold.
 */
export async function search(source: Source, sink: BlobSink, depth = 0): Promise<void> {
  let lastMember = -1;
  for await (const { bytes, atByte } of source.windows()) {
    findBlobs(bytes, sink);
    if (depth === DEEPEST) continue;
    for (const decoded of decodedRuns(bytes, SHORTEST_RUN_DIGITS)) {
      await search(bytesSource(decoded), sink, depth + 1);
      decoded.fill(0);
    }
    for (const start of deflateStarts(bytes)) {
      // Two windows show what they have in common.
      if (atByte + start <= lastMember) continue;
      lastMember = atByte + start;
      await search(inflatedSource(source, lastMember), sink, depth + 1);
    }
  }
}

/** Where the data of gzip members begin. */
function* deflateStarts(bytes: Uint8Array): Generator<number> {
  const [first] = GZIP_MAGIC;
  for (let at = bytes.indexOf(first); at >= 0; at = bytes.indexOf(first, at + 1)) {
    const isMagic = GZIP_MAGIC.every((byte, index) => bytes[at + index] === byte);
    const start = isMagic ? endOfGzipHeader(bytes, at) : undefined;
    if (start !== undefined) yield start;
  }
}

function endOfGzipHeader(bytes: Uint8Array, at: number): number | undefined {
  const flags = bytes[at + GZIP_FLAGS_AT] ?? RESERVED_FLAGS;
  if ((flags & RESERVED_FLAGS) !== 0) return undefined;
  let end = at + GZIP_HEADER_BYTES;
  if ((flags & HAS_EXTRA) !== 0) end += 2 + (bytes[end] ?? 0) + 256 * (bytes[end + 1] ?? 0);
  for (const text of [HAS_NAME, HAS_COMMENT]) {
    if ((flags & text) === 0) continue;
    const textEnd = bytes.indexOf(0, end);
    if (textEnd < 0) return undefined;
    end = textEnd + 1;
  }
  return end + ((flags & HAS_CRC) === 0 ? 0 : 2);
}
