import { readFileSync } from 'node:fs';

/** One line of a receiver's log: a request, written down before it was answered. */
export interface Arrival {
  /** Of the session, from the path of its callback; absent when nothing was read. */
  readonly ref?: string;
  readonly destination: string;
  /** What became of it. */
  readonly fate: string;
  /** The status that the sender was told, if any. */
  readonly answered?: number;
  /** Absent when the body was not read. */
  readonly message?: Message;
}

/** What was received. */
export interface Message {
  readonly webhookId: string;
  readonly sessionId: string;
  /** The kind of event; a body without one tells of the end. */
  readonly event: string;
  /** SHA-256 of the body, hex. */
  readonly bodyHash: string;
  /** `ok` when v1, v1a and the detached JWS fit; otherwise what is wrong. */
  readonly signature: string;
}

export const FINAL_EVENT = 'session.ended';

/** Whole lines only: the last one may still be on its way. */
export function readArrivals(path: string): readonly Arrival[] {
  return readFileSync(path, 'utf8')
    .split('\n')
    .slice(0, -1)
    .map((line) => JSON.parse(line) as Arrival);
}

export function isAcknowledged({ answered }: Arrival): boolean {
  return answered !== undefined && answered >= 200 && answered < 300;
}
