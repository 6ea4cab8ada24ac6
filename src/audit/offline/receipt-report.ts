import type { ReceiptClaims } from './receipt-claims.js';
import type { CheckpointProblemCode, VerifiedCheckpoint } from './verify-checkpoint.js';

/** Every way in which a receipt can be refused. */
const PROBLEMS = {
  RECEIPT_MALFORMED: 'The text is not exactly a receipt as Lethe writes it.',
  KEY_UNKNOWN: 'The receipt is signed with a key that is not among the log keys given.',
  SIGNATURE_INVALID: 'The signature of the receipt is wrong: it was changed, or made up.',
  PROOF_MALFORMED: 'The proof in the receipt is not exactly a C2SP tlog-proof as Lethe writes it.',
  CHECKPOINT_MALFORMED: 'The proof does not end with the checkpoint of a log.',
  CHECKPOINT_UNSIGNED: 'The checkpoint in the proof is not signed with any of the log keys given.',
  CHECKPOINT_SIGNATURE_INVALID: 'A signature of the log on the checkpoint in the proof is wrong.',
  COSIGNATURE_INVALID: 'A cosignature of a known witness on the checkpoint in the proof is wrong.',
  ORIGIN_MISMATCH: 'The key that signed is not of the log that the checkpoint in the proof names.',
  NOT_INCLUDED: 'The proof does not show that exactly what the receipt says stands in the log.',
  SUBJECT_MISMATCH: 'The receipt is about another subject than the one that was expected.',
  WITNESS_MISSING: 'A witness that was asked for has not cosigned the checkpoint in the proof.',
  QUORUM_MISSING: 'Fewer witnesses have cosigned the checkpoint in the proof than the policy asks.',
  DATED_AFTER_WITNESS: 'The receipt is dated later than a witness saw it in the log.',
  KEPT_INVALID:
    'The checkpoint that was kept is not one of this log, signed with one of the log keys given.',
  HISTORY_REWRITTEN:
    'The checkpoint that was kept has the same size and another root: the log was rewritten.',
} as const satisfies Record<CheckpointProblemCode, string> & Record<string, string>;

/** Stable name of a problem. */
export type ReceiptProblemCode = keyof typeof PROBLEMS;

/** What was found of a receipt, for programs and in words. */
export interface ReceiptReport {
  readonly isValid: boolean;
  /** Why it is not valid, by name and as a sentence. */
  readonly code?: ReceiptProblemCode;
  readonly sentence?: string;
  /** What it says; only when it is valid: anybody can write the claims of another. */
  readonly claims?: ReceiptClaims;
  /** Sentences; none when it is not valid. */
  readonly proven: readonly string[];
  readonly notProven: readonly string[];
}

/** What was verified. */
export interface ReceiptEvidence extends VerifiedCheckpoint {
  readonly claims: ReceiptClaims;
  /** Of the leaf, from 0. */
  readonly index: number;
  readonly isSubjectExpected: boolean;
  /** The cosignatures are those that a policy asks for. */
  readonly isQuorumReached: boolean;
  /** Size of the checkpoint that was kept, if any. With the size of the proof it has the same root. */
  readonly keptSize: number | undefined;
}

/** The report of a receipt that is not valid. */
export function refusal(code: ReceiptProblemCode): ReceiptReport {
  return { isValid: false, code, sentence: PROBLEMS[code], proven: [], notProven: [] };
}

/** The report of a receipt that is valid. */
export function acceptance(evidence: ReceiptEvidence): ReceiptReport {
  const { claims } = evidence;
  return { isValid: true, claims, proven: proven(evidence), notProven: notProven(evidence) };
}

function proven(evidence: ReceiptEvidence): readonly string[] {
  const { claims, checkpoint, index, cosignedBy, keptSize } = evidence;
  const { iss, sub, iat, scope } = claims;
  const templates = scope.templates === 1 ? '1 template' : `${scope.templates} templates`;
  return [
    `${iss} signed that at ${timeText(iat)} it had destroyed the keys of ${templates} of the subject ${sub}.`,
    `This statement is leaf ${index} of the log ${checkpoint.origin}, in a tree of ${checkpoint.size} leaves.`,
    'Nothing in the receipt was changed since it was logged: the leaf commits to all that it says.',
    ...(evidence.isSubjectExpected ? ['It is about the subject that was expected.'] : []),
    ...cosignedBy.map(
      ({ key, timeSeconds }) =>
        `The witness ${key.name} saw the log with this leaf at ${timeText(timeSeconds)}.`,
    ),
    ...(evidence.isQuorumReached ? ['These witnesses are a quorum of the policy.'] : []),
    ...(keptSize === checkpoint.size
      ? ['The log is the one of the checkpoint that was kept.']
      : []),
  ];
}

function notProven(evidence: ReceiptEvidence): readonly string[] {
  const { claims, checkpoint, cosignedBy, keptSize } = evidence;
  const { rc, dc, irrecoverableBy } = claims;
  const isWitnessed = cosignedBy.length > 0;
  const witnessedAt = Math.min(...cosignedBy.map(({ timeSeconds }) => timeSeconds));
  return [
    'That nobody had copied the keys or the face before.',
    rc === undefined && dc === undefined
      ? 'That the operator really forgot the keys: the receipt holds no hashes to search its disks for.'
      : 'That the operator really forgot the keys: whoever may read its disks can search them for what the hashes rc and dc are of.',
    ...(irrecoverableBy === undefined
      ? []
      : [
          `That nothing can be opened yet: until ${timeText(irrecoverableBy)} a copy of an earlier root is in escrow.`,
        ]),
    isWitnessed
      ? `That it happened exactly then: that is what the clock of the operator said. By the witnesses, it was not after ${timeText(witnessedAt)}.`
      : 'That it happened then: that is what the clock of the operator said.',
    ...(isWitnessed
      ? []
      : ['That everybody is shown the same log: no witness that you named has cosigned it.']),
    ...(keptSize === undefined || keptSize === checkpoint.size
      ? []
      : [
          `That the log agrees with the checkpoint that was kept, of ${keptSize} leaves: \`lethe log consistency\` checks it.`,
        ]),
  ];
}

/** In UTC, to the second. */
function timeText(seconds: number): string {
  const time = new Date(seconds * 1000);
  if (Number.isNaN(time.getTime())) return `second ${seconds} after 1970`;
  return time.toISOString().replace('.000Z', 'Z');
}
