import { base64, parseBase64 } from './bytes.js';
import { parseCheckpoint, parseCount, parseHash } from './checkpoint.js';
import { parseNote } from './note.js';

const FIRST_LINE = 'c2sp.org/tlog-proof@v1';
/** A tree of 2^53 leaves is not deeper. */
const PATH_LIMIT = 53;
/** The note is at most 64 KiB (`note.ts`). */
const PROOF_LIMIT_CHARACTERS = 131_072;

/**
 * A leaf's place in a log, to be checked without the log (C2SP tlog-proof).
 *
 * ```text
 * c2sp.org/tlog-proof@v1
 * index 73894
 * gSKyXoYZUgZ6jduWYrkDOARinOMGJveXjgMkBTcdPlQ=
 *
 * example.com/log
 * 109482
 * sFodV/vSp5O8n9a8QpW6PRY97tfOSW5bsc2Xl/EQi08=
 *
 * — example.com/log hI2DJ…=
 * ```
 */
export interface TlogProof {
  /** From 0. */
  readonly index: number;
  /** From the sibling of the leaf up to the child of the root, 32 bytes each. */
  readonly path: readonly Uint8Array[];
  /** The signed note of the checkpoint (`checkpoint.ts`), as the log issued it. */
  readonly checkpoint: string;
  /** What nothing vouches for, in a line `extra`. Lethe writes none. */
  readonly extra?: Uint8Array;
}

/** The text of a proof; the checkpoint is taken over as it is. */
export function formatProof({ index, path, checkpoint, extra }: TlogProof): string {
  return [
    FIRST_LINE,
    ...(extra === undefined ? [] : [`extra ${base64(extra)}`]),
    `index ${index}`,
    ...path.map(base64),
    '',
    checkpoint,
  ].join('\n');
}

/**
 * Reads exactly what {@link formatProof} writes, with a checkpoint that is one; undefined for
 * anything else. Nothing is verified.
 */
export function parseProof(text: string): TlogProof | undefined {
  const headEnd = text.indexOf('\n\n');
  if (text.length > PROOF_LIMIT_CHARACTERS || headEnd < 0) return undefined;
  const head = parseHead(text.slice(0, headEnd).split('\n'));
  const checkpoint = text.slice(headEnd + 2);
  const note = parseNote(checkpoint);
  if (head === undefined || note === undefined) return undefined;
  return parseCheckpoint(note.text) === undefined ? undefined : { ...head, checkpoint };
}

function parseHead([first, ...rest]: readonly string[]): Omit<TlogProof, 'checkpoint'> | undefined {
  const extraLine = rest[0]?.startsWith('extra ') === true ? rest[0] : undefined;
  const [indexLine = '', ...hashLines] = extraLine === undefined ? rest : rest.slice(1);
  const index = indexLine.startsWith('index ') ? parseCount(indexLine.slice(6)) : undefined;
  const path = parsePath(hashLines);
  if (first !== FIRST_LINE || index === undefined || path === undefined) return undefined;
  if (extraLine === undefined) return { index, path };
  const extra = parseBase64(extraLine.slice(6));
  return extra === undefined || extra.length === 0 ? undefined : { index, path, extra };
}

function parsePath(lines: readonly string[]): readonly Uint8Array[] | undefined {
  const path = lines.flatMap((line) => parseHash(line) ?? []);
  return path.length < lines.length || path.length > PATH_LIMIT ? undefined : path;
}
