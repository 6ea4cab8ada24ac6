import { equalBytes } from '../crypto/compare.js';
import { utf8 } from '../lib/bytes.js';
import type { LogKeyring, LogSigner } from './log-keys.js';
import type { LogExtension, LogHead, LogKey, LogNode, PendingEntry } from './log-store.js';
import { printBundle } from './merkle/entry-bundle.js';
import { Frontier } from './merkle/frontier.js';
import { leafHash } from './merkle/tree-hash.js';
import { checkpointText } from './offline/checkpoint.js';
import { noteWith, parseNote, type SignedNote, signatureLine } from './offline/note.js';

/** The end of a log that is not what its own checkpoint signs: nothing may be appended to it. */
export class LogDamagedError extends Error {
  override readonly name = 'LogDamagedError';
}

/** What the store holds of the log: its end and the keys, oldest first. */
interface LogState {
  readonly head: LogHead | undefined;
  readonly keys: readonly LogKey[];
}

/** Heads that need no check, because they were made or checked here: the last one of each keyring. */
const trustedHeads = new WeakMap<LogKeyring, LogHead>();

/**
 * Appends leaves in their order and signs the new end of the log with every key that signs at this
 * time, newest first in the note (C2SP tlog-checkpoint). What it returns is not in the log until the
 * store has kept it: a store that fails throws the signature away with it.
 *
 * Fails closed: throws {@link LogDamagedError} when the head is not exactly what a key of the log
 * signed; an Error when a key is missing or not of this service key; a RangeError when there is
 * nothing to append.
 */
export function extendLog(
  state: LogState,
  pending: readonly PendingEntry[],
  deps: { keyring: LogKeyring; nowMs: number },
): LogExtension {
  if (pending.length === 0) throw new RangeError('an extension of the log holds no leaf');
  const signers = deps.keyring.signersAt(state.keys, deps.nowMs);
  const frontier = checkedFrontier(state, deps.keyring);
  const start = frontier.size;
  const leaves = pending.map(({ leaf }) => utf8(leaf));
  const nodes = leaves.flatMap((leaf): readonly LogNode[] => frontier.append(leafHash(leaf)));
  const head = {
    size: frontier.size,
    frontier: frontier.bytes(),
    checkpoint: signedCheckpoint(frontier, signers),
  };
  trustedHeads.set(deps.keyring, head);
  return { segment: { start, ...head, bundle: printBundle(leaves) }, nodes };
}

function checkedFrontier({ head, keys }: LogState, keyring: LogKeyring): Frontier {
  if (head === undefined) return Frontier.empty();
  if (isTrusted(head, keyring)) return parsedFrontier(head);
  const frontier = parsedFrontier(head);
  const note = parseNote(head.checkpoint);
  const known = keys.map((key) => keyring.signerOf(key));
  if (note === undefined || !isSignedBy(note, known) || note.text !== textOf(frontier, known))
    throw damaged(head);
  trustedHeads.set(keyring, head);
  return frontier;
}

function isTrusted(head: LogHead, keyring: LogKeyring): boolean {
  const trusted = trustedHeads.get(keyring);
  return (
    trusted?.size === head.size &&
    trusted.checkpoint === head.checkpoint &&
    equalBytes(trusted.frontier, head.frontier)
  );
}

function parsedFrontier(head: LogHead): Frontier {
  try {
    return Frontier.parse({ size: head.size, bytes: head.frontier });
  } catch {
    throw damaged(head);
  }
}

/**
 * One key of the log must have signed and none may have signed anything else. Ed25519 gives the same
 * bytes every time, so signing again is the check, and no public key is read from the store.
 */
function isSignedBy(note: SignedNote, signers: readonly LogSigner[]): boolean {
  const checks = note.signatures.flatMap(({ name, keyId, signature }) => {
    const signer = signers.find((known) => known.name === name && known.keyId === keyId);
    return signer === undefined ? [] : [equalBytes(signer.sign(utf8(note.text)), signature)];
  });
  return checks.length > 0 && checks.every(Boolean);
}

function signedCheckpoint(frontier: Frontier, signers: readonly LogSigner[]): string {
  const text = textOf(frontier, signers);
  const bytes = utf8(text);
  const lines = signers.map((signer) =>
    signatureLine({ name: signer.name, keyId: signer.keyId, signature: signer.sign(bytes) }),
  );
  return noteWith(text, lines);
}

/** Key names and origin are one: a signer of another name belongs to another log. */
function textOf(frontier: Frontier, signers: readonly LogSigner[]): string {
  const [origin, ...others] = new Set(signers.map(({ name }) => name));
  if (origin === undefined || others.length > 0)
    throw new LogDamagedError('the keys of the log in the database have different names');
  return checkpointText({ origin, size: frontier.size, rootHash: frontier.root() });
}

function damaged({ size }: LogHead): LogDamagedError {
  return new LogDamagedError(
    `the end of the log in the database (${size.toString()} leaves) is not what its checkpoint signs; nothing is appended: see \`lethe log verify\``,
  );
}
