import type { SigningKey } from '../../crypto/signing-key.js';
import {
  cosignedMessage,
  parseTimestampedSignature,
  type TimestampedSignature,
  timestampedSignatureBytes,
} from '../offline/cosignature.js';
import { nodePrimitives } from '../offline/node-primitives.js';
import { type SignedNote, signatureLine } from '../offline/note.js';
import { formatVerifierKey, parseVerifierKey, type VerifierKey } from '../offline/verifier-key.js';

/** Cosigns checkpoints under one name (C2SP tlog-cosignature). */
export interface Cosigner {
  readonly key: VerifierKey;
  /** The signature line, with its line feed, over the text of a checkpoint. */
  cosign(noteText: string, timeSeconds: number): string;
}

/** The line of a witness under a checkpoint, and when it signed. */
export interface FoundCosignature extends Pick<TimestampedSignature, 'timeSeconds'> {
  readonly line: string;
}

/**
 * A cosigner with this key, which must sign nothing else and under no other name: what is signed does
 * not say the name. Rejects with a TypeError for a name that no key can have.
 */
export async function createCosigner({
  name,
  key,
}: {
  name: string;
  key: SigningKey;
}): Promise<Cosigner> {
  const named = { name, type: 'witness', publicKey: key.publicBytes } as const;
  const vkey = await formatVerifierKey(nodePrimitives, named);
  const verifierKey = await parseVerifierKey(nodePrimitives, vkey);
  if (verifierKey === undefined) throw new TypeError(`${vkey} is no verifier key`);
  const { keyId } = verifierKey;
  return {
    key: verifierKey,
    cosign: (noteText, timeSeconds) => {
      const signature = key.sign(cosignedMessage(timeSeconds, noteText));
      const timed = timestampedSignatureBytes({ timeSeconds, signature });
      return signatureLine({ name, keyId, signature: timed });
    },
  };
}

/**
 * The first cosignature of a witness under a note; undefined when there is none, or a wrong one of this
 * witness among them.
 */
export function findCosignature(note: SignedNote, key: VerifierKey): FoundCosignature | undefined {
  const own = note.signatures.filter(({ name, keyId }) => name === key.name && keyId === key.keyId);
  const times = own.map(({ signature }) => timeOf(note.text, { key, signature }));
  const [line] = own.map(signatureLine);
  const [timeSeconds] = times;
  if (times.includes(undefined) || line === undefined || timeSeconds === undefined)
    return undefined;
  return { line, timeSeconds };
}

/** When it was signed; undefined when it was not. */
function timeOf(
  noteText: string,
  { key, signature: bytes }: { key: VerifierKey; signature: Uint8Array },
): number | undefined {
  const timed = parseTimestampedSignature(bytes);
  if (timed === undefined) return undefined;
  const { signature, timeSeconds } = timed;
  const message = cosignedMessage(timeSeconds, noteText);
  const { publicKey } = key;
  return nodePrimitives.verifyEd25519({ publicKey, message, signature }) ? timeSeconds : undefined;
}
