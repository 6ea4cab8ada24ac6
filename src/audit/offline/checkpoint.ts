import { base64, parseBase64 } from './bytes.js';

const HASH_BYTES = 32;

/**
 * What a log says of itself: the text of a signed note (C2SP tlog-checkpoint). Lines after the third
 * are extensions; Lethe writes none and reads over them.
 *
 * ```text
 * example.com/log
 * 20852163
 * CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=
 * ```
 */
export interface Checkpoint {
  /** Name of the log. */
  readonly origin: string;
  /** Number of leaves; at most 2^53 - 1. */
  readonly size: number;
  /** Root of the tree with these leaves (RFC 6962 §2.1), 32 bytes. */
  readonly rootHash: Uint8Array;
}

/** The text of a checkpoint, to be signed; it ends with a line feed. */
export function checkpointText({ origin, size, rootHash }: Checkpoint): string {
  return `${origin}\n${size}\n${base64(rootHash)}\n`;
}

/** Reads the text of a note; undefined when it is not exactly a checkpoint. */
export function parseCheckpoint(noteText: string): Checkpoint | undefined {
  if (!noteText.endsWith('\n')) return undefined;
  const lines = noteText.slice(0, -1).split('\n');
  if (lines.length < 3 || lines.includes('')) return undefined;
  const [origin = '', sizeText = '', rootText = ''] = lines;
  const size = parseCount(sizeText);
  const rootHash = parseHash(rootText);
  return size === undefined || rootHash === undefined ? undefined : { origin, size, rootHash };
}

/** A whole number up to 2^53 - 1 in its one decimal spelling. */
export function parseCount(text: string): number | undefined {
  const count = /^(?:0|[1-9]\d{0,15})$/.test(text) ? Number(text) : Number.NaN;
  return Number.isSafeInteger(count) ? count : undefined;
}

/** A SHA-256 hash in base64, 32 bytes. */
export function parseHash(text: string): Uint8Array | undefined {
  const bytes = parseBase64(text);
  return bytes?.length === HASH_BYTES ? bytes : undefined;
}
