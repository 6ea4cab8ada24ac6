import { type Clock, HOUR_MS, SECOND_MS } from '../../lib/clock.js';
import type { LogHead, LogStore } from '../log-store.js';
import { parseCount } from '../offline/checkpoint.js';
import { parseNote } from '../offline/note.js';
import type { VerifierKey } from '../offline/verifier-key.js';
import type { TreeReader } from '../tree-reader.js';
import { printAddCheckpoint } from './add-checkpoint.js';
import { findCosignature } from './cosigner.js';
import { SIZE_MEDIA_TYPE } from './witness.js';
import type { WitnessChannel, WitnessChannelAnswer } from './witness-channel.js';

/** A witness whose clock is further ahead bounds no time. */
const CLOCK_TOLERANCE_MS = HOUR_MS;

/** What came of asking a witness. */
export type Submitted =
  | { readonly kind: 'cosigned'; readonly size: number; readonly line: string }
  /** The witness has seen another log under this name, or more of it than there is. */
  | { readonly kind: 'conflicted' }
  /** A status, or a word that says what went wrong. */
  | { readonly kind: 'failed'; readonly outcome: string };

type CheckpointHead = Pick<LogHead, 'size' | 'checkpoint'>;

/** One witness as the log sees it. One call at a time. */
export interface WitnessClient {
  readonly key: VerifierKey;
  /**
   * Asks for a cosignature under this head, or under a newer one when the witness has seen more. What
   * it reports as cosigned was verified. Rejects only when the store fails.
   */
  submit(head: CheckpointHead, signal: AbortSignal): Promise<Submitted>;
}

interface Deps {
  readonly key: VerifierKey;
  /** Submission prefix of C2SP tlog-witness. */
  readonly url: string;
  readonly log: Pick<LogStore, 'head'>;
  readonly reader: Pick<TreeReader, 'consistencyProof'>;
  readonly channel: WitnessChannel;
  readonly clock: Clock;
}

/** One question: a head, from the size that the witness is thought to be at. */
interface Asked {
  readonly head: CheckpointHead;
  readonly oldSize: number;
}

export function createWitnessClient(deps: Deps): WitnessClient {
  const { key, log, reader, channel, clock } = deps;
  const url = `${deps.url.replace(/\/$/, '')}/add-checkpoint`;
  /** What the witness cosigned last, as far as is known; it corrects what is wrong. */
  let knownSize = 0;

  async function ask({ head, oldSize }: Asked, signal: AbortSignal) {
    const proof = await reader.consistencyProof({ fromSize: oldSize, toSize: head.size });
    const body = printAddCheckpoint({ oldSize, proof, note: head.checkpoint });
    try {
      return await channel.submit(url, body, signal);
    } catch (error) {
      const { code } = error as { code?: unknown };
      return { outcome: typeof code === 'string' ? code : 'FAILED' };
    }
  }

  /** What is to be asked next when the witness is at another size; else what that means. */
  async function follow({ head, oldSize }: Asked, size: number): Promise<Asked | Submitted> {
    if (size === oldSize) return size === head.size ? CONFLICTED : failed('409');
    if (size <= head.size) return { head, oldSize: size };
    // Another process may have submitted a newer head; nobody can a head that was never stored.
    const newest = await log.head();
    if (newest === undefined || newest.size < size) return CONFLICTED;
    return { head: newest, oldSize: size };
  }

  function kept({ head }: Asked, answer: WitnessChannelAnswer): Submitted {
    const note = parseNote(head.checkpoint + answer.body);
    const found = note && findCosignature(note, key);
    if (found === undefined) return failed('NO_COSIGNATURE');
    if (found.timeSeconds * SECOND_MS > clock.nowMs() + CLOCK_TOLERANCE_MS)
      return failed('WRONG_TIME');
    knownSize = head.size;
    return { kind: 'cosigned', size: head.size, line: found.line };
  }

  async function judge(asked: Asked, answer: WitnessChannelAnswer): Promise<Asked | Submitted> {
    const { status } = answer;
    if (status === 200) return kept(asked, answer);
    if (status === 422 && asked.oldSize > 0) return CONFLICTED;
    if (status !== 409) return failed(status.toString());
    const size = sizeIn(answer);
    if (size !== undefined) return await follow(asked, size);
    return asked.oldSize === asked.head.size ? CONFLICTED : failed('409');
  }

  return {
    key,
    submit: async (head, signal) => {
      let asked: Asked = { head, oldSize: Math.min(knownSize, head.size) };
      for (let attempts = 1; ; attempts += 1) {
        const answer = await ask(asked, signal);
        if ('outcome' in answer) return failed(answer.outcome);
        const next = await judge(asked, answer);
        if ('kind' in next) return next;
        knownSize = next.oldSize;
        if (attempts === 2) return failed('409');
        asked = next;
      }
    },
  };
}

const CONFLICTED: Submitted = { kind: 'conflicted' };

function failed(outcome: string): Submitted {
  return { kind: 'failed', outcome };
}

/** The size that a witness answers with 409. */
function sizeIn({ contentType, body }: WitnessChannelAnswer): number | undefined {
  const [mediaType = ''] = contentType.split(';');
  if (mediaType.trim().toLowerCase() !== SIZE_MEDIA_TYPE || !body.endsWith('\n')) return undefined;
  return parseCount(body.slice(0, -1));
}
