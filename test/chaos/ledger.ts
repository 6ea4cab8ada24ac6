import type { KnownSession } from './verdict.js';

/** What the client knows of each session, by its reference. */
export class Ledger {
  readonly #sessions = new Map<string, KnownSession>();

  get sessions(): readonly KnownSession[] {
    return [...this.#sessions.values()];
  }

  /** It is asked for: whether it exists nobody knows. */
  asked(ref: string): void {
    this.#sessions.set(ref, { ref, duty: 'optional' });
  }

  created(ref: string, sessionId: string): void {
    this.#sessions.set(ref, { ref, sessionId, duty: 'open' });
  }

  /** Created and ended in one request. */
  deleted(ref: string, sessionId: string): void {
    this.#sessions.set(ref, { ref, sessionId, duty: 'owed', mayRunTwice: true });
  }

  /** Its end was acknowledged, or seen. */
  ended(ref: string): void {
    const session = this.#sessions.get(ref);
    if (session?.duty === 'open') this.#sessions.set(ref, { ...session, duty: 'owed' });
  }

  /** Its subject is about to be deleted, and what is queued about it with it. */
  forgotten(ref: string): void {
    const session = this.#sessions.get(ref);
    if (session !== undefined) this.#sessions.set(ref, { ...session, duty: 'optional' });
  }
}
