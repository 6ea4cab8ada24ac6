import { GENESIS_HASH, linkHash } from './chain.js';
import { checkSignature, type VerificationKeys } from './checkpoint.js';
import { createLineSplitter, type Line } from './line-splitter.js';
import { LINE_LIMIT_BYTES, type LogLine, parseLogLine } from './log-line.js';
import type { Checkpoint } from './log-store.js';

/** More problems than these are counted, not listed. */
const LISTED_PROBLEMS = 100;

/** Every way in which a log can be wrong. */
const PROBLEMS = {
  LOG_EMPTY: 'The log holds no entry, so there is nothing that could be verified.',
  LINE_TOO_LONG: 'The line is longer than any that Lethe writes.',
  LINE_UNFINISHED: 'The last line does not end with a line feed: the file was cut.',
  LINE_MALFORMED: 'The line is neither an entry nor a checkpoint of an exported log.',
  LINE_NOT_CANONICAL: 'The line is not in canonical JSON, so it is not what was hashed or signed.',
  ENTRY_INVALID: 'The entry does not have the form of an audit entry.',
  SEQUENCE_BROKEN: 'The entry does not have the number that follows the entry before.',
  HASH_MISMATCH: 'The hash does not follow from this entry and the hash before it.',
  CHECKPOINT_MISPLACED: 'The checkpoint does not cover exactly the entries before it.',
  CHECKPOINT_MISMATCH: 'The checkpoint signs another hash than that of the entry before it.',
  KEY_UNKNOWN: 'The checkpoint is signed with a key that is not among those given.',
  SIGNATURE_INVALID: 'The signature of the checkpoint is wrong.',
  END_UNSIGNED: 'The log does not end with a checkpoint: nothing signs its last entries.',
  KEPT_INVALID: 'The checkpoint that was kept is not signed with one of the keys given.',
  LOG_SHORTENED: 'The log holds fewer entries than the checkpoint that was kept.',
  HISTORY_REWRITTEN: 'The log holds other entries than those that the kept checkpoint signed.',
} as const;

/** Stable name of a problem. */
export type ProblemCode = keyof typeof PROBLEMS;

/** One thing that is wrong; line 0 stands for the log as a whole. */
export interface LogProblem {
  readonly line: number;
  readonly code: ProblemCode;
  readonly sentence: string;
}

/** What was found. The log is sound when `problemCount` is 0. */
export interface LogReport {
  readonly entries: number;
  readonly checkpoints: number;
  /** Times of the first and the last entry, as the service stated them. */
  readonly from: string | undefined;
  readonly to: string | undefined;
  /** The last checkpoint, when there is no problem: worth keeping for the next time. */
  readonly head: Checkpoint | undefined;
  readonly problemCount: number;
  /** The first 100 of them. */
  readonly problems: readonly LogProblem[];
}

/** What to verify against. */
export interface Expectation {
  readonly keys: VerificationKeys;
  /** A checkpoint from an earlier time: the log must begin with exactly what it signed. */
  readonly kept?: Checkpoint | undefined;
}

interface Walk {
  readonly expectation: Expectation;
  readonly report: { -readonly [Name in keyof LogReport]: LogReport[Name] };
  readonly problems: LogProblem[];
  /** Sequence number that comes next. */
  next: number;
  /** Hash of the entry before. */
  hash: string;
  /** The line before could not be read, so that number and hash of the entry before are not known. */
  isLost: boolean;
  /** Size of the last checkpoint. */
  signedSize: number;
}

/**
 * Verifies the bytes of an exported log: every line canonical, sequence numbers from 0 without gaps,
 * every hash, every signature, a checkpoint at the end and, if one was kept, that the log still
 * begins with what it signed. Reads the chunks as they come and holds one line at a time. It does
 * not throw on anything that a file can hold; it throws what the iterable throws.
 *
 * Without a kept checkpoint a log that was cut off right after an older checkpoint, or that whoever
 * holds the signing key wrote anew, is not told from the true one. Times are statements of the
 * service and are not judged.
 */
export async function verifyLog(
  chunks: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
  expectation: Expectation,
): Promise<LogReport> {
  const walk = begin(expectation);
  const splitter = createLineSplitter(LINE_LIMIT_BYTES);
  for await (const chunk of chunks) {
    for (const line of splitter.push(chunk)) visitLine(walk, line);
  }
  for (const line of splitter.end()) visitLine(walk, line);
  return finish(walk);
}

function begin(expectation: Expectation): Walk {
  const problems: LogProblem[] = [];
  const walk: Walk = {
    expectation,
    report: {
      entries: 0,
      checkpoints: 0,
      from: undefined,
      to: undefined,
      head: undefined,
      problemCount: 0,
      problems,
    },
    problems,
    next: 0,
    hash: GENESIS_HASH,
    isLost: false,
    signedSize: 0,
  };
  const { keys, kept } = expectation;
  if (kept !== undefined && checkSignature(keys, kept) !== 'valid') note(walk, 0, 'KEPT_INVALID');
  return walk;
}

function visitLine(walk: Walk, line: Line): void {
  const parsed = 'fault' in line ? line.fault : parseLogLine(line.text);
  if (typeof parsed === 'string') {
    note(walk, line.number, parsed);
    walk.isLost = true;
  } else if (parsed.kind === 'record') {
    visitRecord(walk, line.number, parsed);
  } else {
    visitCheckpoint(walk, line.number, parsed.checkpoint);
  }
}

function visitRecord(walk: Walk, line: number, parsed: LogLine & { kind: 'record' }): void {
  const { record, entry } = parsed;
  const { report } = walk;
  if (!walk.isLost) {
    if (record.sequence !== walk.next) note(walk, line, 'SEQUENCE_BROKEN');
    const hash = linkHash({ ...record, previous: walk.hash });
    if (hash !== record.hash) note(walk, line, 'HASH_MISMATCH');
  }
  resume(walk, { next: record.sequence + 1, hash: record.hash });
  report.entries += 1;
  report.from ??= entry.at;
  report.to = entry.at;
  const { kept } = walk.expectation;
  if (kept?.size === walk.next && kept.hash !== record.hash) note(walk, line, 'HISTORY_REWRITTEN');
}

function visitCheckpoint(walk: Walk, line: number, checkpoint: Checkpoint): void {
  const { size, hash } = checkpoint;
  const isPlaced = size > walk.signedSize && (walk.isLost || size === walk.next);
  if (!isPlaced) note(walk, line, 'CHECKPOINT_MISPLACED');
  else if (!walk.isLost && hash !== walk.hash) note(walk, line, 'CHECKPOINT_MISMATCH');
  const signature = checkSignature(walk.expectation.keys, checkpoint);
  if (signature === 'unknown key') note(walk, line, 'KEY_UNKNOWN');
  if (signature === 'invalid') note(walk, line, 'SIGNATURE_INVALID');
  if (walk.isLost) resume(walk, { next: size, hash });
  walk.signedSize = size;
  walk.report.checkpoints += 1;
  walk.report.head = checkpoint;
}

/** Goes on from what the line states: one change is reported where it is, not on every line after it. */
function resume(walk: Walk, stated: { next: number; hash: string }): void {
  walk.next = stated.next;
  walk.hash = stated.hash;
  walk.isLost = false;
}

function finish(walk: Walk): LogReport {
  const { report, expectation } = walk;
  if (report.entries === 0) note(walk, 0, 'LOG_EMPTY');
  else if (walk.signedSize !== walk.next) note(walk, 0, 'END_UNSIGNED');
  if (walk.next < (expectation.kept?.size ?? 0)) note(walk, 0, 'LOG_SHORTENED');
  if (report.problemCount > 0) report.head = undefined;
  return report;
}

function note(walk: Walk, line: number, code: ProblemCode): void {
  walk.report.problemCount += 1;
  if (walk.problems.length < LISTED_PROBLEMS) {
    walk.problems.push({ line, code, sentence: PROBLEMS[code] });
  }
}
