import { equal } from '../offline/bytes.js';
import type { Checkpoint } from '../offline/checkpoint.js';
import { verifyConsistency } from '../offline/merkle.js';
import { nodePrimitives } from '../offline/node-primitives.js';
import { Findings, type FindingsReport } from './log-report.js';
import type { LogSource } from './log-source.js';
import { publishedTree, TileMissingError } from './published-tree.js';
import { checkHead, checkKept, comparableKept, type Expectation } from './signed-head.js';

/** What was found. The log continues what was kept when `problemCount` is 0. */
export interface ConsistencyReport extends FindingsReport {
  readonly origin: string | undefined;
  /** Number of leaves when the checkpoint was kept, and now. */
  readonly fromSize: number | undefined;
  readonly toSize: number | undefined;
  /** The newest checkpoint, a signed note, when there is no problem: worth keeping for the next time. */
  readonly checkpoint: string | undefined;
}

/**
 * Proves from a few tiles that a published log still begins with what the kept checkpoint signed: finds
 * a log that was cut short, rolled back, rewritten, or shown to others in another form. The leaves
 * themselves are not judged (`verify-log.ts`). Does not throw on anything that a log can hold; throws
 * what the source throws when it cannot be read.
 */
export async function verifyLogConsistency(
  source: LogSource,
  expectation: Expectation & { readonly keptCheckpoint: string },
): Promise<ConsistencyReport> {
  const findings = new Findings();
  const kept = await checkKept(findings, expectation);
  const head = await checkHead(findings, await source.checkpoint(), expectation);
  const comparable = head && comparableKept(findings, kept, head.checkpoint);
  if (comparable !== undefined && head !== undefined)
    await compare({ source, findings }, comparable, head.checkpoint);
  const found = findings.report();
  return {
    origin: head?.checkpoint.origin,
    fromSize: kept?.size,
    toSize: head?.checkpoint.size,
    checkpoint: found.problemCount === 0 ? head?.note : undefined,
    ...found,
  };
}

async function compare(
  { source, findings }: { source: LogSource; findings: Findings },
  kept: Checkpoint,
  newest: Checkpoint,
): Promise<void> {
  try {
    const fromRoot = await provenRoot(source, kept.size, newest);
    if (fromRoot === undefined) findings.problem('log', 'TILE_MISMATCH');
    else if (!equal(fromRoot, kept.rootHash)) findings.problem('log', 'HISTORY_REWRITTEN');
  } catch (error) {
    if (!(error instanceof TileMissingError)) throw error;
    findings.problem(error.path, 'TILE_MISSING');
  }
}

/**
 * The root that the newest checkpoint proves for its first leaves; undefined when the tiles are not
 * those of the newest checkpoint. So tiles that were damaged on their way are told from a log that
 * was rewritten.
 */
async function provenRoot(
  source: LogSource,
  fromSize: number,
  { size: toSize, rootHash: toRoot }: Checkpoint,
): Promise<Uint8Array | undefined> {
  if (fromSize === toSize) return toRoot;
  const tree = publishedTree(source, toSize);
  const fromRoot = await tree.rootHash(fromSize);
  const path = await tree.consistencyPath(fromSize);
  const consistency = { fromSize, fromRoot, toSize, toRoot, path };
  return (await verifyConsistency(nodePrimitives, consistency)) ? fromRoot : undefined;
}
