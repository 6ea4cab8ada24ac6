import { utf8 } from './bytes.js';
import { type Checkpoint, parseCheckpoint } from './checkpoint.js';
import { cosignedMessage, parseTimestampedSignature } from './cosignature.js';
import { parseNote, type SignedNote } from './note.js';
import type { Primitives } from './primitives.js';
import type { VerifierKey } from './verifier-key.js';

/** Every way in which a checkpoint can be refused. */
export type CheckpointProblemCode =
  | 'CHECKPOINT_MALFORMED'
  | 'CHECKPOINT_UNSIGNED'
  | 'CHECKPOINT_SIGNATURE_INVALID'
  | 'COSIGNATURE_INVALID'
  | 'ORIGIN_MISMATCH';

/** A checkpoint, and who stands behind it. */
export interface VerifiedCheckpoint {
  readonly checkpoint: Checkpoint;
  /** At least one, each with the origin as its name. */
  readonly signedBy: readonly VerifierKey[];
  /** Of the witnesses that are known; of several times of one witness the first. */
  readonly cosignedBy: readonly { readonly key: VerifierKey; readonly timeSeconds: number }[];
}

/** What to verify against: keys of other types than log and witness at their places are ignored. */
interface KnownKeys {
  readonly logKeys: readonly VerifierKey[];
  readonly witnesses: readonly VerifierKey[];
}

/**
 * Verifies a checkpoint as a log publishes it: a note (C2SP signed-note, tlog-checkpoint,
 * tlog-cosignature). It must be signed with a log key whose name is its origin. Signatures of unknown
 * keys are read over; a wrong one of a known key condemns the note.
 */
export async function verifyCheckpoint(
  primitives: Primitives,
  { note: noteText, logKeys, witnesses }: KnownKeys & { readonly note: string },
): Promise<VerifiedCheckpoint | { readonly code: CheckpointProblemCode }> {
  const note = parseNote(noteText);
  const checkpoint = parseCheckpoint(note?.text ?? '');
  if (note === undefined || checkpoint === undefined) return { code: 'CHECKPOINT_MALFORMED' };
  const signers = await verifySigners(primitives, note, logKeys);
  if (signers === undefined) return { code: 'CHECKPOINT_SIGNATURE_INVALID' };
  const cosignedBy = await verifyCosigners(primitives, note, witnesses);
  if (cosignedBy === undefined) return { code: 'COSIGNATURE_INVALID' };
  if (signers.length === 0) return { code: 'CHECKPOINT_UNSIGNED' };
  const signedBy = signers.filter(({ name }) => name === checkpoint.origin);
  return signedBy.length === 0 ? { code: 'ORIGIN_MISMATCH' } : { checkpoint, signedBy, cosignedBy };
}

/** The keys that signed the note; undefined when a signature of one of them is wrong. */
async function verifySigners(
  primitives: Primitives,
  note: SignedNote,
  logKeys: readonly VerifierKey[],
): Promise<VerifierKey[] | undefined> {
  const message = utf8(note.text);
  const signers: VerifierKey[] = [];
  for (const key of logKeys.filter(({ type }) => type === 'log')) {
    const signatures = signaturesOf(note, key);
    for (const signature of signatures) {
      const { publicKey } = key;
      if (!(await primitives.verifyEd25519({ publicKey, message, signature }))) return undefined;
    }
    if (signatures.length > 0) signers.push(key);
  }
  return signers;
}

/** The witnesses that cosigned the note; undefined when a cosignature of one of them is wrong. */
async function verifyCosigners(
  primitives: Primitives,
  note: SignedNote,
  witnesses: readonly VerifierKey[],
): Promise<{ key: VerifierKey; timeSeconds: number }[] | undefined> {
  const cosigners: { key: VerifierKey; timeSeconds: number }[] = [];
  for (const key of witnesses.filter(({ type }) => type === 'witness')) {
    const times: number[] = [];
    for (const bytes of signaturesOf(note, key)) {
      const signed = parseTimestampedSignature(bytes);
      if (signed === undefined) return undefined;
      const { timeSeconds, signature } = signed;
      const message = cosignedMessage(timeSeconds, note.text);
      const { publicKey } = key;
      if (!(await primitives.verifyEd25519({ publicKey, message, signature }))) return undefined;
      times.push(timeSeconds);
    }
    if (times.length > 0) cosigners.push({ key, timeSeconds: Math.min(...times) });
  }
  return cosigners;
}

/** Name and id together tell a key. */
function signaturesOf(note: SignedNote, key: VerifierKey): readonly Uint8Array[] {
  return note.signatures
    .filter(({ name, keyId }) => name === key.name && keyId === key.keyId)
    .map(({ signature }) => signature);
}
