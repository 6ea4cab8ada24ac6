import type { LogHead, LogSegment, LogStore } from '../log-store.js';
import { parseBundle } from '../merkle/entry-bundle.js';
import { Frontier } from '../merkle/frontier.js';
import { equal } from '../offline/bytes.js';
import { checkpointText } from '../offline/checkpoint.js';
import { nodePrimitives } from '../offline/node-primitives.js';
import { parseNote } from '../offline/note.js';
import { type VerifiedCheckpoint, verifyCheckpoint } from '../offline/verify-checkpoint.js';
import { newestCheckpoint } from '../witness/published-checkpoint.js';
import { LeafWalk } from './leaf-walk.js';
import { Findings } from './log-report.js';
import {
  checkHead,
  checkKept,
  comparableKept,
  type Expectation,
  type SignedHead,
} from './signed-head.js';
import { StoredCosignatures } from './stored-cosignatures.js';
import { StoredNodes } from './stored-nodes.js';
import { checkSigners, type LogReport, reportOf } from './verify-log.js';

/** Some 6 MB in a busy log. */
const PAGE_SEGMENTS = 64;

interface Verification {
  readonly expectation: Expectation;
  readonly findings: Findings;
  readonly walk: LeafWalk;
  readonly nodes: StoredNodes;
  readonly cosignatures: StoredCosignatures;
  /** Name of the log. */
  readonly origin: string;
}

/**
 * Verifies the log in a store as `verify-log.ts` does a published one, and every row that it consists
 * of: segments with their frontiers and checkpoints, nodes, cosignatures. A changed byte in any of them
 * is found. The log may grow meanwhile: what is appended after the call is not judged.
 */
export async function verifyStoredLog(log: LogStore, expectation: Expectation): Promise<LogReport> {
  const findings = new Findings();
  const end = await log.head();
  const kept = await checkKept(findings, expectation);
  const origin = expectation.logKeys[0]?.name ?? '';
  const comparable = comparableKept(findings, kept, { origin, size: end?.size ?? 0 });
  const walk = new LeafWalk(findings, { logKeys: expectation.logKeys, kept: comparable });
  if (end === undefined) {
    findings.problem('log', 'LOG_EMPTY');
    return reportOf(findings, walk, undefined);
  }
  const nodes = new StoredNodes(log, findings);
  const cosignatures = new StoredCosignatures(log, findings);
  const verification = { expectation, findings, walk, nodes, cosignatures, origin };
  const isRead = await walkSegments(log, verification, end);
  if (isRead) {
    await nodes.end(end.size);
    await cosignatures.end(end.size);
  }
  return reportOf(findings, walk, await judgeEnd(log, verification, { end, isRead }));
}

/** Whether every leaf up to the end could be read, or was passed over on the word of a checkpoint. */
async function walkSegments(
  log: LogStore,
  verification: Verification,
  end: LogHead,
): Promise<boolean> {
  const { walk, findings } = verification;
  while (walk.size < end.size) {
    const segments = await log.readSegments(walk.size, PAGE_SEGMENTS);
    const [next] = segments;
    if (next === undefined || next.start >= end.size) {
      findings.problem('log', 'ENTRIES_MISSING');
      return false;
    }
    for (const segment of segments) {
      if (segment.start >= end.size) break;
      if (!(await walkSegment(verification, segment))) return false;
    }
  }
  return true;
}

async function walkSegment(verification: Verification, segment: LogSegment): Promise<boolean> {
  const { findings, walk, nodes, cosignatures } = verification;
  const place = `segment ${segment.start}`;
  const leaves = parseBundle(segment.bundle);
  const signed = await checkSignatures(verification, segment);
  if (leaves === undefined) {
    findings.problem(place, 'ENTRIES_MALFORMED');
    return resume(walk, segment, signed);
  }
  if (segment.start !== walk.size || leaves.length !== segment.size - segment.start) {
    findings.problem(place, 'SEGMENT_MISPLACED');
    return resume(walk, segment, signed);
  }
  for (const leaf of leaves) for (const node of walk.append(leaf).nodes) await nodes.expect(node);
  await checkEnd(verification, segment, signed);
  await cosignatures.expect(segment);
  return true;
}

/** The tree that its leaves give, its frontier and its checkpoint must be one and the same. */
async function checkEnd(
  { findings, walk, origin }: Verification,
  segment: LogSegment,
  signed: VerifiedCheckpoint | undefined,
): Promise<void> {
  const place = `segment ${segment.start}`;
  const isFrontier = equal(walk.frontierBytes(), segment.frontier);
  if (!isFrontier) findings.problem(place, 'FRONTIER_MISMATCH');
  if (signed === undefined) return;
  const text = checkpointText({ origin, size: segment.size, rootHash: walk.root() });
  if (parseNote(segment.checkpoint)?.text === text) return;
  findings.problem(place, 'SEGMENT_ROOT_MISMATCH');
  // A changed leaf is told where it is, not in every segment that follows.
  resume(walk, segment, signed);
}

/** The log signs each end of a segment with its own keys and nobody else does. */
async function checkSignatures(
  { findings, expectation }: Verification,
  { start, checkpoint: note }: LogSegment,
): Promise<VerifiedCheckpoint | undefined> {
  const { logKeys } = expectation;
  const verified = await verifyCheckpoint(nodePrimitives, { note, logKeys, witnesses: [] });
  const place = `segment ${start}`;
  if ('code' in verified) {
    findings.problem(place, verified.code);
    return undefined;
  }
  if (parseNote(note)?.signatures.length !== verified.signedBy.length)
    findings.problem(place, 'CHECKPOINT_SIGNATURE_INVALID');
  return verified;
}

/** Goes on behind a segment whose leaves are not the signed ones, when its frontier is. */
function resume(
  walk: LeafWalk,
  { size, frontier }: LogSegment,
  signed: VerifiedCheckpoint | undefined,
): boolean {
  const stored = parseFrontier(size, frontier);
  const { checkpoint } = signed ?? {};
  const isSigned =
    stored !== undefined &&
    size >= walk.size &&
    checkpoint?.size === size &&
    equal(stored.root(), checkpoint.rootHash);
  if (isSigned) walk.resume(stored);
  return isSigned;
}

function parseFrontier(size: number, bytes: Uint8Array): Frontier | undefined {
  try {
    return Frontier.parse({ size, bytes });
  } catch {
    return undefined;
  }
}

/** The end must be that of the leaves; published is, with a policy, what its quorum has cosigned. */
async function judgeEnd(
  log: LogStore,
  { expectation, findings, walk }: Verification,
  { end, isRead }: { end: LogHead; isRead: boolean },
): Promise<SignedHead | undefined> {
  const { logKeys, policy } = expectation;
  const head = await checkHead(findings, end.checkpoint, { logKeys });
  if (head !== undefined && isRead) {
    const { size, rootHash } = head.checkpoint;
    if (size !== walk.size || !equal(rootHash, walk.root()))
      findings.problem('checkpoint', 'ROOT_MISMATCH');
    checkSigners(findings, walk, head);
  }
  // Of a damaged log there may be no such checkpoint.
  if (policy === undefined || !findings.isSound) return head;
  const published = await newestCheckpoint({ log, policy });
  return published === undefined ? head : await checkHead(findings, published.note, expectation);
}
