import { canonicalJson } from '../lib/canonical-json.js';
import { isCheckpoint, isHash } from './checkpoint.js';
import { type AuditEntry, isAuditEntry } from './entry.js';
import type { Checkpoint, LogRecord } from './log-store.js';

/** No line that Lethe writes is longer, the line feed not counted. */
export const LINE_LIMIT_BYTES = 4_096;

/** A line of an exported log that was understood. */
export type LogLine =
  | { readonly kind: 'record'; readonly record: LogRecord; readonly entry: AuditEntry }
  | { readonly kind: 'checkpoint'; readonly checkpoint: Checkpoint };

/** Why a line was not understood. */
export type LineFault = 'LINE_MALFORMED' | 'LINE_NOT_CANONICAL' | 'ENTRY_INVALID';

/**
 * One entry of an exported log, without the line feed: canonical JSON (RFC 8785) with the members
 * entry, hash, sequence.
 *
 * ```text
 * {"entry":{"at":"2026-03-01T10:00:00.000Z","op":"TENANT","outcome":"succeeded","tenantId":"demo","v":1},"hash":"LOWQh…","sequence":0}
 * ```
 */
export function recordLine(record: LogRecord): string {
  const { entry, hash, sequence } = record;
  // Not parsed on the way out: an export shows what is stored, for the verifier to judge.
  return `{"entry":${entry},"hash":${JSON.stringify(hash)},"sequence":${sequence.toString()}}`;
}

/**
 * One checkpoint of an exported log, or one that an auditor keeps, without the line feed. It follows
 * the last entry that it covers.
 *
 * ```text
 * {"checkpoint":{"hash":"TDd1p…","kid":"1IG2t…","signature":"z2_GJ…","signedAt":"2026-03-01T10:00:01.250Z","size":3}}
 * ```
 */
export function checkpointLine(checkpoint: Checkpoint): string {
  const { size, hash, signedAt, kid, signature } = checkpoint;
  return canonicalJson({ checkpoint: { size, hash, signedAt, kid, signature } });
}

/** Reads exactly what {@link recordLine} and {@link checkpointLine} write for valid content. */
export function parseLogLine(text: string): LogLine | LineFault {
  const value = parseJson(text);
  if (value === undefined) return 'LINE_MALFORMED';
  const names = Object.keys(value).sort().join();
  if (names === 'checkpoint') {
    const { checkpoint } = value;
    if (!isCheckpoint(checkpoint)) return 'LINE_MALFORMED';
    return checkpointLine(checkpoint) === text
      ? { kind: 'checkpoint', checkpoint }
      : 'LINE_NOT_CANONICAL';
  }
  const { entry, hash, sequence } = value;
  if (names !== 'entry,hash,sequence' || !isHash(hash) || !isSequence(sequence)) {
    return 'LINE_MALFORMED';
  }
  if (!isAuditEntry(entry)) return 'ENTRY_INVALID';
  const record = { entry: canonicalJson(entry), hash, sequence };
  return recordLine(record) === text ? { kind: 'record', record, entry } : 'LINE_NOT_CANONICAL';
}

function parseJson(text: string): Partial<Record<string, unknown>> | undefined {
  if (text.length > LINE_LIMIT_BYTES) return undefined;
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null ? { ...value } : undefined;
  } catch {
    return undefined;
  }
}

function isSequence(value: unknown): value is number {
  return (
    Number.isSafeInteger(value) && Number(value) >= 0 && Number(value) < Number.MAX_SAFE_INTEGER
  );
}
