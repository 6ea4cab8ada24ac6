import { mkdirSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { open, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { sha256 } from '../../crypto/hash.js';
import { hex } from '../../lib/bytes.js';
import { canonicalJson } from '../../lib/canonical-json.js';
import { base64 } from '../offline/bytes.js';
import { parseCheckpoint } from '../offline/checkpoint.js';
import { parseNote } from '../offline/note.js';
import type { VerifierKey } from '../offline/verifier-key.js';
import { findCosignature } from './cosigner.js';
import type { WitnessState, WitnessStateStore } from './witness.js';

const STATE_SUFFIX = '.json';
const UNFINISHED_SUFFIX = '.unfinished';

interface Lock {
  release(): void;
}

interface Options {
  /** Made for its owner alone when there is none. */
  readonly directory: string;
  /** The key of the witness: what it did not sign is no state of it. */
  readonly witness: VerifierKey;
  /** Makes this process the only user of a path until it ends; undefined when another one is. */
  readonly lock: (path: string) => Lock | undefined;
}

/** What a witness has cosigned cannot be read or kept; the message says what to do. */
export class WitnessStateError extends Error {
  override readonly name = 'WitnessStateError';
}

/** A directory with one file for each log. */
export interface StateFiles extends WitnessStateStore {
  /** Lets another process use the directory. */
  close(): void;
}

/**
 * Makes the directory of a witness, for its owner alone, if there is none. Throws
 * {@link WitnessStateError}.
 */
export function makeStateDirectory(directory: string): void {
  try {
    mkdirSync(directory, { recursive: true, mode: 0o700 });
    if ((statSync(directory).mode & 0o022) === 0) return;
  } catch (cause) {
    throw new WitnessStateError(
      `${directory} cannot be made (${codeOf(cause)}); name a directory that this user may write to`,
      { cause },
    );
  }
  throw new WitnessStateError(`${directory} can be changed by others; set its mode to 0700`);
}

/** Whether the directory holds what a witness has cosigned. */
export function hasState(directory: string): boolean {
  return stateNames(directory).length > 0;
}

/**
 * Opens the directory for one process. The file of a log is named after the SHA-256 of its origin and
 * holds one line of canonical JSON (RFC 8785); a new one is written beside it, synced and put in its
 * place. Throws {@link WitnessStateError} when another process has the directory, and when a file is
 * not exactly what this witness wrote: without it the witness would cosign a second log. A file that
 * was replaced by an older one of its own cannot be told.
 *
 * ```text
 * {"checkpoint":"example.com/log\n2\n…\n\n— example.com/log …\n— witness.example/w1 …\n",
 *  "checkpointHash":"pB1Z…","origin":"example.com/log","rootHash":"CsUY…","size":2}
 * ```
 */
export function openStateFiles({ directory, witness, lock }: Options): StateFiles {
  makeStateDirectory(directory);
  const taken = lock(join(directory, 'witness'));
  if (taken === undefined)
    throw new WitnessStateError(
      `${directory} is in use by another witness; stop that one, or give this one another directory`,
    );
  try {
    const states = new Map(
      stateNames(directory).map((name) => {
        const state = readState(join(directory, name), witness);
        return [state.origin, state];
      }),
    );
    return {
      latest: (origin) => states.get(origin),
      keep: async (state) => {
        await replaceFile(directory, nameOf(state.origin), printState(state));
        states.set(state.origin, state);
      },
      close: () => {
        taken.release();
      },
    };
  } catch (error) {
    taken.release();
    throw error;
  }
}

function stateNames(directory: string): readonly string[] {
  return readdirSync(directory).filter((name) => name.endsWith(STATE_SUFFIX));
}

function nameOf(origin: string): string {
  return `${hex(sha256(origin))}${STATE_SUFFIX}`;
}

function printState({ origin, size, rootHash, note: checkpoint }: WitnessState): string {
  // The cosignature vouches for all but the signature of the log beside it.
  const checkpointHash = base64(sha256(checkpoint));
  const members = { origin, size, rootHash: base64(rootHash), checkpoint, checkpointHash };
  return `${canonicalJson(members)}\n`;
}

function readState(path: string, witness: VerifierKey): WitnessState {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (cause) {
    throw new WitnessStateError(
      `${path} cannot be read (${codeOf(cause)}); let this user read it, for without it the witness would forget what it has cosigned`,
      { cause },
    );
  }
  const state = parseState(text, witness);
  if (state !== undefined && path.endsWith(`/${nameOf(state.origin)}`)) return state;
  throw new WitnessStateError(
    `${path} is not what ${witness.name} wrote with this key; put its newest copy back, or begin anew with an empty directory, which makes a new key`,
  );
}

function parseState(text: string, witness: VerifierKey): WitnessState | undefined {
  const note = memberCheckpoint(text);
  const signed = parseNote(note);
  const checkpoint = parseCheckpoint(signed?.text ?? '');
  if (signed === undefined || checkpoint === undefined) return undefined;
  const state = { ...checkpoint, note };
  const isOwn = findCosignature(signed, witness) !== undefined;
  return isOwn && printState(state) === text ? state : undefined;
}

/** All else follows from it. */
function memberCheckpoint(text: string): string {
  try {
    const { checkpoint } = JSON.parse(text) as { checkpoint?: unknown };
    return typeof checkpoint === 'string' ? checkpoint : '';
  } catch {
    return '';
  }
}

/** After a power failure the file is the old one or the new one, whole; resolves when it is the new one. */
async function replaceFile(directory: string, name: string, text: string): Promise<void> {
  const path = join(directory, name);
  const unfinished = `${path}${UNFINISHED_SUFFIX}`;
  try {
    await writeSynced(unfinished, text);
    await rename(unfinished, path);
    await syncDirectory(directory);
  } catch (cause) {
    // Gives the room back on a full disk; the next one is written from its beginning anyway.
    await rm(unfinished, { force: true }).catch(() => undefined);
    throw new WitnessStateError(
      `${path} cannot be written (${codeOf(cause)}); nothing was cosigned: make room on its disk, or let this user write there`,
      { cause },
    );
  }
}

async function writeSynced(path: string, text: string): Promise<void> {
  const file = await open(path, 'w', 0o600);
  try {
    await file.writeFile(text);
    await file.sync();
  } finally {
    await file.close();
  }
}

async function syncDirectory(directory: string): Promise<void> {
  const opened = await open(directory, 'r');
  try {
    await opened.sync();
  } finally {
    await opened.close();
  }
}

function codeOf(error: unknown): string {
  return (error as NodeJS.ErrnoException).code ?? 'unknown error';
}
