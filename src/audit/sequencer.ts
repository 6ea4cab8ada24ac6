import { setTimeout as pause } from 'node:timers/promises';
import { ServiceError } from '../errors/service-error.js';
import type { Clock } from '../lib/clock.js';
import { extendLog } from './extend-log.js';
import type { LogKeyring } from './log-keys.js';
import type { LogStore } from './log-store.js';

/** Leaves under one checkpoint: enough that signing costs next to nothing, few enough for one transaction. */
export const BATCH_LIMIT = 512;

/** How often the sequencer looks for entries that nobody waits for, and how it retries. */
export interface SequencerTiming {
  readonly pollMs: number;
  /** Doubles with every failure in a row. */
  readonly retryMs: number;
  readonly maxRetryMs: number;
  /** Failures in a row after which those who wait are refused; the entries stay pending. */
  readonly failuresUntilRefusal: number;
}

const TIMING: SequencerTiming = {
  pollMs: 1_000,
  retryMs: 50,
  maxRetryMs: 30_000,
  failuresUntilRefusal: 5,
};

export interface SequencerDeps {
  readonly log: LogStore;
  readonly keyring: LogKeyring;
  readonly clock: Clock;
  /** The log has this size now, durably. Must not throw. */
  readonly onExtended: (size: number) => void;
  readonly watch: {
    entriesSequenced(fields: { count: number }): void;
    workerFailed(fields: { worker: 'sequencer'; error: unknown }): void;
  };
  readonly timing?: Partial<SequencerTiming>;
}

/** Those who wait for one and the same run. */
interface Waiters {
  readonly promise: Promise<void>;
  readonly resolve: () => void;
  readonly reject: (reason: unknown) => void;
}

/**
 * Moves pending entries into the log, one run at a time in this process; other processes may do
 * the same on the same store. Entries that nobody waits for, and those that a crash left behind,
 * are found by looking every second.
 */
export class Sequencer {
  readonly #deps: SequencerDeps;
  readonly #timing: SequencerTiming;
  readonly #stopping = new AbortController();
  #waiters: Waiters | undefined;
  #run: Promise<void> | undefined;
  #poll: NodeJS.Timeout | undefined;
  #failures = 0;

  constructor(deps: SequencerDeps) {
    this.#deps = deps;
    this.#timing = { ...TIMING, ...deps.timing };
  }

  /** Begins with what is pending now, then keeps looking. */
  start(): void {
    this.#wake();
  }

  /**
   * Resolves when every entry that was committed before the call is in the log, durably. All calls
   * during one run share the next: a run that had begun may have missed their entries. Rejects with
   * UNAVAILABLE when the store keeps failing or the sequencer was stopped: the entries are then
   * still pending, nothing is lost, and the call may be repeated.
   */
  settle(): Promise<void> {
    if (this.#stopping.signal.aborted) return Promise.reject(unavailable());
    this.#waiters ??= newWaiters();
    const { promise } = this.#waiters;
    this.#wake();
    return promise;
  }

  /** Sequences what is pending once more, refuses those who still wait, and ends. */
  async stop(): Promise<void> {
    if (this.#stopping.signal.aborted) return;
    this.#waiters ??= newWaiters();
    const last = this.#waiters.promise.catch(() => undefined);
    this.#stopping.abort();
    this.#wake();
    await last;
    await this.#run;
  }

  #wake(): void {
    clearTimeout(this.#poll);
    this.#run ??= this.#work();
  }

  async #work(): Promise<void> {
    do await this.#serve(this.#takeWaiters());
    while (this.#waiters !== undefined);
    this.#run = undefined;
    if (!this.#stopping.signal.aborted) this.#pollLater();
  }

  #takeWaiters(): Waiters | undefined {
    const waiters = this.#waiters;
    this.#waiters = undefined;
    return waiters;
  }

  #pollLater(): void {
    const delayMs = Math.min(this.#timing.pollMs * 2 ** this.#failures, this.#timing.maxRetryMs);
    this.#poll = setTimeout(() => {
      this.#wake();
    }, delayMs);
    this.#poll.unref();
  }

  /** Empties the pending list; retries while somebody waits for it. */
  async #serve(waiters: Waiters | undefined): Promise<void> {
    for (let failures = 1; ; failures += 1) {
      const error = await this.#drain();
      if (error === undefined) {
        waiters?.resolve();
        return;
      }
      const mayRetry =
        failures < this.#timing.failuresUntilRefusal && !this.#stopping.signal.aborted;
      if (waiters === undefined || !mayRetry) {
        waiters?.reject(unavailable(error));
        return;
      }
      await this.#backOff(failures);
    }
  }

  /** Returns why it failed, or undefined when nothing is left. */
  async #drain(): Promise<Error | undefined> {
    try {
      let count: number;
      do count = await this.#moveBatch();
      while (count >= BATCH_LIMIT);
      this.#failures = 0;
      return undefined;
    } catch (error) {
      this.#failures += 1;
      this.#deps.watch.workerFailed({ worker: 'sequencer', error });
      return error instanceof Error ? error : new Error('the log store failed', { cause: error });
    }
  }

  async #moveBatch(): Promise<number> {
    const { log, keyring, clock, watch, onExtended } = this.#deps;
    let size = 0;
    const count = await log.sequence(BATCH_LIMIT, (state, pending) => {
      const extension = extendLog(state, pending, { keyring, nowMs: clock.nowMs() });
      // The store may ask again: what it asked last is what it kept.
      ({ size } = extension.segment);
      return extension;
    });
    if (count > 0) {
      watch.entriesSequenced({ count });
      onExtended(size);
    }
    return count;
  }

  async #backOff(failures: number): Promise<void> {
    const delayMs = Math.min(this.#timing.retryMs * 2 ** (failures - 1), this.#timing.maxRetryMs);
    // Stopping ends the wait early; the next attempt is then the last.
    await pause(delayMs, undefined, { signal: this.#stopping.signal }).catch(() => undefined);
  }
}

function unavailable(cause?: Error): ServiceError {
  return new ServiceError('UNAVAILABLE', { detail: 'the audit log cannot be written now', cause });
}

function newWaiters(): Waiters {
  let resolve: Waiters['resolve'] = () => undefined;
  let reject: Waiters['reject'] = () => undefined;
  const promise = new Promise<void>((onDone, onRefused) => {
    resolve = onDone;
    reject = onRefused;
  });
  // The run may fail when every caller has gone; that is reported through watch.
  promise.catch(() => undefined);
  return { promise, resolve, reject };
}
