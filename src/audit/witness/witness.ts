import { type Clock, SECOND_MS } from '../../lib/clock.js';
import { equal } from '../offline/bytes.js';
import { type Checkpoint, parseCheckpoint } from '../offline/checkpoint.js';
import { verifyConsistency } from '../offline/merkle.js';
import { nodePrimitives } from '../offline/node-primitives.js';
import { noteWith, parseNote, type SignedNote, signatureLine } from '../offline/note.js';
import type { VerifierKey } from '../offline/verifier-key.js';
import { verifyCheckpoint } from '../offline/verify-checkpoint.js';
import { type AddCheckpoint, parseAddCheckpoint } from './add-checkpoint.js';
import type { Cosigner } from './cosigner.js';

/** The media type of a size that a witness answers with. */
export const SIZE_MEDIA_TYPE = 'text/x.tlog.size';
const TEXT = 'text/plain; charset=utf-8';
/** RFC 6962 §2.1: SHA-256 of nothing. */
const EMPTY_ROOT = nodePrimitives.sha256(new Uint8Array(0));

/** The latest checkpoint of a log that the witness cosigned. */
export interface WitnessState extends Checkpoint {
  /** The checkpoint as a signed note, with the cosignature of the witness as its last line. */
  readonly note: string;
}

/** Where a witness keeps what it has cosigned. */
export interface WitnessStateStore {
  /** Undefined when nothing of this log was ever cosigned. */
  latest(origin: string): WitnessState | undefined;
  /** Resolves when the state is durable, in the place of the one before; rejects when it may not be. */
  keep(state: WitnessState): Promise<void>;
}

/** What is answered over HTTP. */
export interface WitnessAnswer {
  readonly status: 200 | 400 | 403 | 404 | 409 | 422;
  readonly contentType: string;
  readonly text: string;
}

/** Cosigns checkpoints of logs that only grow (C2SP tlog-witness). */
export interface Witness {
  /**
   * Answers the body of an add-checkpoint request. A cosignature is given away only after the
   * checkpoint is durable as the latest, which cannot be undone: nothing smaller and nothing else of
   * its size is cosigned afterwards. Rejects when it cannot be kept: then nothing was cosigned.
   */
  addCheckpoint(body: Uint8Array): Promise<WitnessAnswer>;
}

interface Deps {
  readonly cosigner: Cosigner;
  /** Keys that sign the checkpoints of logs; the name of a key is the origin of its log. */
  readonly logs: readonly VerifierKey[];
  readonly state: WitnessStateStore;
  readonly clock: Clock;
}

/** A request whose checkpoint its log has signed. */
interface Submission extends Pick<AddCheckpoint, 'oldSize' | 'proof'> {
  readonly note: SignedNote;
  readonly checkpoint: Checkpoint;
  /** One of the keys that signed it. */
  readonly signer: VerifierKey | undefined;
}

export function createWitness(deps: Deps): Witness {
  const { logs, cosigner, state, clock } = deps;
  const inTurn = takeTurns();

  /** Nothing of the same log may be decided between the look at its state and the keeping of the next. */
  async function decide(submission: Submission): Promise<WitnessAnswer> {
    const { oldSize, proof, note, checkpoint, signer } = submission;
    const { size: toSize, rootHash: toRoot, origin } = checkpoint;
    const latest = state.latest(origin) ?? { size: 0, rootHash: EMPTY_ROOT };
    const { size: fromSize, rootHash: fromRoot } = latest;
    if (oldSize !== fromSize) return conflict(fromSize);
    if (toSize === fromSize && !equal(toRoot, fromRoot)) return conflict(fromSize);
    const growth = { fromSize, fromRoot, toSize, toRoot, path: proof };
    if (!(await verifyConsistency(nodePrimitives, growth)))
      return refusal(422, 'the proof does not show that the log only grew');
    const line = cosigner.cosign(note.text, Math.floor(clock.nowMs() / SECOND_MS));
    const kept = noteWith(note.text, [lineOf(note, signer), line]);
    if (parseNote(kept) === undefined) return refusal(400, 'the checkpoint is too long');
    if (toSize > fromSize) await state.keep({ origin, size: toSize, rootHash: toRoot, note: kept });
    return { status: 200, contentType: TEXT, text: line };
  }

  return {
    addCheckpoint: async (body) => {
      const request = parseAddCheckpoint(body);
      const note = parseNote(request?.note ?? '');
      const checkpoint = parseCheckpoint(note?.text ?? '');
      if (request === undefined || note === undefined || checkpoint === undefined)
        return refusal(400, 'the request is not an old size, a proof and a checkpoint');
      const { origin, size } = checkpoint;
      const logKeys = logs.filter(({ name }) => name === origin);
      if (logKeys.length === 0) return refusal(404, 'this witness does not know the log');
      const signed = { note: request.note, logKeys, witnesses: [] };
      const verified = await verifyCheckpoint(nodePrimitives, signed);
      if ('code' in verified)
        return refusal(403, 'no key of the log has signed the checkpoint, or one did so wrongly');
      if (request.oldSize > size)
        return refusal(400, 'the old size is larger than that of the checkpoint');
      const [signer] = verified.signedBy;
      return await inTurn(origin, () => decide({ ...request, note, checkpoint, signer }));
    },
  };
}

/** What else a note carries, anybody may have added, as often as it fits. */
function lineOf({ signatures }: SignedNote, key: VerifierKey | undefined): string {
  const own = signatures.find(({ name, keyId }) => name === key?.name && keyId === key.keyId);
  return own === undefined ? '' : signatureLine(own);
}

/** Runs work on one name after the other. */
function takeTurns() {
  const last = new Map<string, Promise<unknown>>();
  return async <T>(name: string, work: () => Promise<T>): Promise<T> => {
    const turn = (last.get(name) ?? Promise.resolve()).then(work);
    last.set(
      name,
      turn.catch(() => undefined),
    );
    return await turn;
  };
}

function conflict(size: number): WitnessAnswer {
  return { status: 409, contentType: SIZE_MEDIA_TYPE, text: `${size}\n` };
}

function refusal(status: WitnessAnswer['status'], sentence: string): WitnessAnswer {
  return { status, contentType: TEXT, text: `${sentence}\n` };
}
