import { setMaxListeners } from 'node:events';
import type { Credentials } from '../support/lethe.js';
import type { ChaosProcess } from './server.js';
import { waitMs } from './wait.js';

const ANSWER_LIMIT_MS = 10_000;
const FIRST_PAUSE_MS = 50;
const LONGEST_PAUSE_MS = 1_000;

export interface Answer {
  readonly status: number;
  readonly body: Readonly<Record<string, unknown>>;
}

/** Nothing that tells how it went came in time. */
export class GaveUp extends Error {
  override readonly name = 'GaveUp';
}

/** An integrator that asks, with the same Idempotency-Key, until it is told how its request went. */
export class PatientClient {
  /** How often each kind of answer came, and how often none. */
  readonly outcomes = new Map<string, number>();
  readonly #servers: readonly ChaosProcess[];
  readonly #credentials: Credentials;
  readonly #giveUp: AbortSignal;
  #turn = 0;

  constructor(options: {
    servers: readonly ChaosProcess[];
    credentials: Credentials;
    giveUp: AbortSignal;
  }) {
    this.#servers = options.servers;
    this.#credentials = options.credentials;
    this.#giveUp = options.giveUp;
    // Everybody who pauses listens to it.
    setMaxListeners(0, options.giveUp);
  }

  async get(path: string): Promise<Answer> {
    return await this.#persist('GET', path, {});
  }

  async post(path: string, request: { key?: string; body?: object } = {}): Promise<Answer> {
    return await this.#persist('POST', path, request);
  }

  /** Throws {@link GaveUp} when time is up. */
  async #persist(
    method: string,
    path: string,
    request: { key?: string; body?: object },
  ): Promise<Answer> {
    for (let pauseMs = FIRST_PAUSE_MS; ; pauseMs = Math.min(pauseMs * 2, LONGEST_PAUSE_MS)) {
      if (this.#giveUp.aborted) throw new GaveUp(path);
      const answer = await this.#ask(method, path, request).catch(() => undefined);
      this.#count(answer);
      if (answer !== undefined && !isPassing(answer)) return answer;
      await waitMs(pauseMs, this.#giveUp);
    }
  }

  #count(answer: Answer | undefined): void {
    const { code = '' } = (answer?.body ?? {}) as { code?: string };
    const outcome = answer === undefined ? 'no answer' : `${answer.status} ${code}`.trimEnd();
    this.outcomes.set(outcome, (this.outcomes.get(outcome) ?? 0) + 1);
  }

  async #ask(
    method: string,
    path: string,
    { key, body }: { key?: string; body?: object },
  ): Promise<Answer> {
    const server = this.#servers[this.#turn++ % this.#servers.length]!;
    const response = await fetch(`${server.url}/v2/${path}`, {
      method,
      headers: {
        ...this.#credentials,
        ...(body && { 'content-type': 'application/json' }),
        ...(key !== undefined && { 'idempotency-key': key }),
      },
      ...(body && { body: JSON.stringify(body) }),
      signal: AbortSignal.timeout(ANSWER_LIMIT_MS),
    });
    return { status: response.status, body: (await response.json()) as Answer['body'] };
  }
}

/** It says nothing of how the request will have gone. */
function isPassing({ status, body }: Answer): boolean {
  return status >= 500 || status === 429 || body['code'] === 'IDEMPOTENCY_IN_FLIGHT';
}
