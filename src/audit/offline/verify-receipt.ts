import { base64url, equal, parseBase64url, utf8 } from './bytes.js';
import { leafHash, rootFromInclusion } from './merkle.js';
import type { Policy } from './policy.js';
import type { Primitives } from './primitives.js';
import { type ParsedReceipt, parseReceipt } from './receipt.js';
import { committedText, erasureLeafText, type ReceiptClaims } from './receipt-claims.js';
import {
  acceptance,
  type ReceiptEvidence,
  type ReceiptProblemCode,
  type ReceiptReport,
  refusal,
} from './receipt-report.js';
import { parseProof, type TlogProof } from './tlog-proof.js';
import type { VerifierKey } from './verifier-key.js';
import { type VerifiedCheckpoint, verifyCheckpoint } from './verify-checkpoint.js';

/** A service may log what it dated by a clock that is so far ahead of a witness's. */
const CLOCK_TOLERANCE_SECONDS = 300;

/** A receipt, and what to verify it against. */
export interface ReceiptExpectation {
  /** Compact JWS (`receipt.ts`). */
  readonly receipt: string;
  /** The keys of the log that are trusted; those of the policy are not taken by themselves. */
  readonly logKeys: readonly VerifierKey[];
  /** Every one of them must have cosigned. */
  readonly witnesses?: readonly VerifierKey[] | undefined;
  /** Its quorum must have cosigned. */
  readonly policy?: Policy | undefined;
  /** The signed note of an earlier or later checkpoint of the log. */
  readonly keptCheckpoint?: string | undefined;
  /** The uuid of the subject that the receipt should be about. */
  readonly subject?: string | undefined;
}

/**
 * Verifies the receipt of an erasure with nothing but the keys given: no network, no clock. It does
 * not throw on any receipt or kept checkpoint; it throws what the primitives throw.
 *
 * With a kept checkpoint of another size than that of the proof nothing is said of the two: that takes
 * a consistency proof, which the receipt does not hold.
 */
export async function verifyReceipt(
  primitives: Primitives,
  expectation: ReceiptExpectation,
): Promise<ReceiptReport> {
  const finding = await examine(primitives, expectation);
  return typeof finding === 'string' ? refusal(finding) : acceptance(finding);
}

async function examine(
  primitives: Primitives,
  expectation: ReceiptExpectation,
): Promise<ReceiptEvidence | ReceiptProblemCode> {
  const { logKeys, subject } = expectation;
  const receipt = parseReceipt(expectation.receipt);
  if (receipt === undefined) return 'RECEIPT_MALFORMED';
  const signer = await findSigner(primitives, receipt, logKeys);
  if (typeof signer === 'string') return signer;
  const proof = parseProof(receipt.proof);
  if (proof === undefined || proof.extra !== undefined) return 'PROOF_MALFORMED';
  const witnesses = knownWitnesses(expectation);
  const note = proof.checkpoint;
  const verified = await verifyCheckpoint(primitives, { note, logKeys, witnesses });
  if ('code' in verified) return verified.code;
  if (signer.name !== verified.checkpoint.origin) return 'ORIGIN_MISMATCH';
  const { claims } = receipt;
  if (!(await isIncluded(primitives, { claims, proof, verified }))) return 'NOT_INCLUDED';
  const problem = judgeSubject(claims, subject) ?? judgeWitnesses(verified, claims, expectation);
  if (problem !== undefined) return problem;
  const keptSize = await judgeKept(primitives, verified, expectation);
  if (typeof keptSize === 'string') return keptSize;
  return {
    ...verified,
    ...{ claims, index: proof.index, keptSize },
    isSubjectExpected: subject !== undefined,
    isQuorumReached: expectation.policy?.isQuorum(new Set()) === false,
  };
}

/** Key ids are short, so that two keys may share one: it is enough that one of them signed. */
async function findSigner(
  primitives: Primitives,
  { keyId, signingInput, signature }: ParsedReceipt,
  logKeys: readonly VerifierKey[],
): Promise<VerifierKey | ReceiptProblemCode> {
  const named = logKeys.filter((key) => key.type === 'log' && key.keyId === keyId);
  const message = utf8(signingInput);
  for (const key of named) {
    const { publicKey } = key;
    if (await primitives.verifyEd25519({ publicKey, message, signature })) return key;
  }
  return named.length === 0 ? 'KEY_UNKNOWN' : 'SIGNATURE_INVALID';
}

function knownWitnesses({ witnesses = [], policy }: ReceiptExpectation): readonly VerifierKey[] {
  const keys = [...witnesses, ...(policy?.witnesses ?? []).map(({ key }) => key)];
  return [...new Map(keys.map((key) => [key.vkey, key])).values()];
}

/** Makes the leaf anew from the claims, so that the tree vouches for every one of them. */
async function isIncluded(
  primitives: Primitives,
  found: { claims: ReceiptClaims; proof: TlogProof; verified: VerifiedCheckpoint },
): Promise<boolean> {
  const { claims, proof, verified } = found;
  const k = parseBase64url(claims.k) ?? new Uint8Array(0);
  const commitment = await primitives.hmacSha256(k, utf8(committedText(claims)));
  const leaf = utf8(erasureLeafText(claims, base64url(commitment)));
  const { size, rootHash } = verified.checkpoint;
  const root = await rootFromInclusion(primitives, {
    ...{ leafHash: await leafHash(primitives, leaf), index: proof.index, size, path: proof.path },
  });
  return root !== undefined && equal(root, rootHash);
}

function judgeSubject({ sub }: ReceiptClaims, subject = sub): ReceiptProblemCode | undefined {
  return subject === sub ? undefined : 'SUBJECT_MISMATCH';
}

function judgeWitnesses(
  { cosignedBy }: VerifiedCheckpoint,
  { iat }: ReceiptClaims,
  { witnesses = [], policy }: ReceiptExpectation,
): ReceiptProblemCode | undefined {
  const cosigners = new Set(cosignedBy.map(({ key }) => key.vkey));
  if (!witnesses.every(({ vkey }) => cosigners.has(vkey))) return 'WITNESS_MISSING';
  if (policy?.isQuorum(cosigners) === false) return 'QUORUM_MISSING';
  const witnessedAt = Math.min(...cosignedBy.map(({ timeSeconds }) => timeSeconds));
  return iat > witnessedAt + CLOCK_TOLERANCE_SECONDS ? 'DATED_AFTER_WITNESS' : undefined;
}

/** The size of the kept checkpoint, if any. */
async function judgeKept(
  primitives: Primitives,
  { checkpoint }: VerifiedCheckpoint,
  { logKeys, keptCheckpoint }: ReceiptExpectation,
): Promise<ReceiptProblemCode | number | undefined> {
  if (keptCheckpoint === undefined) return undefined;
  const of = { note: keptCheckpoint, logKeys, witnesses: [] };
  const kept = await verifyCheckpoint(primitives, of);
  if ('code' in kept || kept.checkpoint.origin !== checkpoint.origin) return 'KEPT_INVALID';
  const { size, rootHash } = kept.checkpoint;
  if (size === checkpoint.size && !equal(rootHash, checkpoint.rootHash)) return 'HISTORY_REWRITTEN';
  return size;
}
