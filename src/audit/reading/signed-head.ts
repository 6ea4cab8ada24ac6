import type { Checkpoint } from '../offline/checkpoint.js';
import { nodePrimitives } from '../offline/node-primitives.js';
import type { Policy } from '../offline/policy.js';
import type { VerifierKey } from '../offline/verifier-key.js';
import { type VerifiedCheckpoint, verifyCheckpoint } from '../offline/verify-checkpoint.js';
import type { Findings } from './log-report.js';

/** What a log is verified against. */
export interface Expectation {
  /** Keys that checkpoints may be signed with. */
  readonly logKeys: readonly VerifierKey[];
  /** Its witnesses must have cosigned the newest checkpoint. */
  readonly policy?: Policy | undefined;
  /** A checkpoint of an earlier time (signed note): the log must begin with exactly what it signed. */
  readonly keptCheckpoint?: string | undefined;
}

/** The end of a log that somebody stands behind. */
export interface SignedHead extends VerifiedCheckpoint {
  /** The whole signed note. */
  readonly note: string;
}

/** Verifies the newest checkpoint of a log; undefined when nothing can be built on it. */
export async function checkHead(
  findings: Findings,
  note: string,
  { logKeys, policy }: Expectation,
): Promise<SignedHead | undefined> {
  const witnesses = policy?.witnesses.map(({ key }) => key) ?? [];
  const verified = await verifyCheckpoint(nodePrimitives, { note, logKeys, witnesses });
  if ('code' in verified) {
    findings.problem('checkpoint', verified.code);
    return undefined;
  }
  const cosigning = new Set(verified.cosignedBy.map(({ key }) => key.vkey));
  if (policy?.isQuorum(cosigning) === false) findings.problem('checkpoint', 'QUORUM_MISSING');
  return { ...verified, note };
}

/** Verifies the checkpoint that was kept, if one was; undefined when there is none to compare with. */
export async function checkKept(
  findings: Findings,
  { logKeys, keptCheckpoint: note }: Expectation,
): Promise<Checkpoint | undefined> {
  if (note === undefined) return undefined;
  const verified = await verifyCheckpoint(nodePrimitives, { note, logKeys, witnesses: [] });
  if (!('code' in verified)) return verified.checkpoint;
  findings.problem('kept checkpoint', 'KEPT_INVALID');
  return undefined;
}

/** The kept checkpoint, when it is one of this log and not of more leaves than there are. */
export function comparableKept(
  findings: Findings,
  kept: Checkpoint | undefined,
  { origin, size }: Pick<Checkpoint, 'origin' | 'size'>,
): Checkpoint | undefined {
  if (kept === undefined) return undefined;
  if (kept.origin !== origin) findings.problem('kept checkpoint', 'KEPT_FOREIGN');
  else if (kept.size > size) findings.problem('log', 'LOG_SHORTENED');
  else return kept;
  return undefined;
}
