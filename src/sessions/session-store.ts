import type { EndState, Session } from './session.js';

/** How an open session ends. */
export interface SessionEnd {
  readonly state: EndState;
  readonly endedAtMs: number;
  /** The subject that the operation found or created; null forgets the one the session was about. */
  readonly uuid?: string | null;
}

/** Where sessions are kept. Every change of state is a compare-and-set: of two, one wins. */
export interface SessionStore {
  insert(session: Session): Promise<void>;
  find(sessionId: string): Promise<Session | undefined>;
  /** CREATED becomes IN_PROGRESS, anything else stays as it is; returns whether it did. */
  markStarted(sessionId: string): Promise<boolean>;
  /** Ends the session if it is open. Returns it as it is afterwards, or undefined when it was not open. */
  end(sessionId: string, end: SessionEnd): Promise<Session | undefined>;
  /** Open sessions whose time is over, oldest first. */
  findExpired(nowMs: number, limit: number): Promise<readonly Session[]>;
  /** Open sessions about a subject, other than DELETE sessions. */
  findOpenOfSubject(subject: { tenantId: string; uuid: string }): Promise<readonly Session[]>;
  /** Open DELETE sessions that wait for an erasure. */
  findOpenOfErasure(erasureId: string): Promise<readonly Session[]>;
  /**
   * Takes the uuid, auditTag and transactionID out of every session of a subject that has ended.
   * Returns the ids of those sessions.
   */
  forgetSubject(subject: { tenantId: string; uuid: string }): Promise<readonly string[]>;
  /** Removes at most `limit` sessions that ended before a time; returns how many. */
  removeEndedBefore(beforeMs: number, limit: number): Promise<number>;
}
