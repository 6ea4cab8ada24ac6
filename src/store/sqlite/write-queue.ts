import { clearImmediate, setImmediate } from 'node:timers';
import type { Connection } from './connection.js';
import { asServiceFailure, unavailable } from './failures.js';

/** Bounds how long one batch keeps the process busy; 64 completed erasures take some 10 to 40 ms. */
const MAX_BATCH_JOBS = 128;

/** Something to do in a transaction. It awaits nothing that takes longer than a microtask. */
export interface Work<T> {
  run(): Promise<T>;
  /** Called once when the time of the work is over, whether it is done or not; may fail it. */
  end?(): void;
}

/** Work that waits for the end of the batch that it is part of. */
interface Job {
  readonly work: Work<unknown>;
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: unknown) => void;
}

type Settle = () => void;

/**
 * Group commit: what is waiting runs job after job in one transaction, so that one flush to the
 * disk serves them all. Each job has a savepoint and fails alone. No job hears of its outcome, not
 * even of its own failure, before the commit, because it may rest on what another job did.
 */
export class WriteQueue {
  readonly #connection: Connection;
  #waiting: Job[] = [];
  /** Ends when nothing is waiting any more; undefined while the queue is idle. */
  #running: Promise<void> | undefined;
  #isClosed = false;
  /** Fails the job that is running. */
  #interrupt: ((error: Error) => void) | undefined;

  constructor(connection: Connection) {
    this.#connection = connection;
  }

  /**
   * Resolves with what the work returned when that is durable; rejects with what it threw. UNAVAILABLE
   * when the batch could not be committed: then none of its jobs has changed anything.
   */
  run<T>(work: Work<T>): Promise<T> {
    if (this.#isClosed) return Promise.reject(unavailable(new Error('the store is closed')));
    return new Promise<T>((resolve, reject) => {
      this.#waiting.push({ work, resolve: resolve as (value: unknown) => void, reject });
      this.#running ??= this.#runAll();
    });
  }

  /** Finishes what is waiting and accepts nothing more. */
  async close(): Promise<void> {
    this.#isClosed = true;
    await this.#running;
  }

  async #runAll(): Promise<void> {
    while (this.#waiting.length > 0) {
      // Everything that this turn of the event loop brings is in the same batch.
      await new Promise<void>((resolve) => {
        setImmediate(resolve);
      });
      const jobs = this.#waiting.splice(0, MAX_BATCH_JOBS);
      for (const settle of await this.#runBatch(jobs)) settle();
    }
    this.#running = undefined;
  }

  async #runBatch(jobs: readonly Job[]): Promise<Settle[]> {
    const stopWatching = this.#watchForIdleJobs();
    try {
      const settlements: Settle[] = [];
      this.#connection.run('BEGIN IMMEDIATE');
      for (const job of jobs) settlements.push(await this.#runJob(job));
      this.#connection.run('COMMIT');
      return settlements;
    } catch (error) {
      this.#rollBack();
      const failure = unavailable(error);
      return jobs.map((job) => () => {
        job.reject(failure);
      });
    } finally {
      stopWatching();
    }
  }

  async #runJob(job: Job): Promise<Settle> {
    this.#connection.run('SAVEPOINT job');
    try {
      const value = await this.#finish(job.work);
      this.#connection.run('RELEASE job');
      return () => {
        job.resolve(value);
      };
    } catch (error) {
      // After a full disk SQLite may have undone the whole transaction, and every job with it.
      if (!this.#connection.isInTransaction) throw error;
      this.#connection.run('ROLLBACK TO job');
      this.#connection.run('RELEASE job');
      const failure = asServiceFailure(error);
      return () => {
        job.reject(failure);
      };
    }
  }

  async #finish(work: Work<unknown>): Promise<unknown> {
    try {
      return await new Promise((resolve, reject) => {
        this.#interrupt = reject;
        work.run().then(resolve, reject);
      });
    } finally {
      work.end?.();
    }
  }

  /**
   * The promises of a transaction's stores are settled when they are returned, so a whole batch runs
   * before the event loop turns. If it turns, a job awaits something else, and everybody would wait
   * with it: that job fails.
   */
  #watchForIdleJobs(): () => void {
    const interrupt = (): void => {
      this.#interrupt?.(
        new Error('The work of a transaction may await only the stores it was given.'),
      );
      watch = setImmediate(interrupt);
    };
    let watch = setImmediate(interrupt);
    return () => {
      clearImmediate(watch);
      this.#interrupt = undefined;
    };
  }

  #rollBack(): void {
    if (!this.#connection.isInTransaction) return;
    try {
      this.#connection.run('ROLLBACK');
    } catch {
      // The next BEGIN fails while a transaction is open, so nothing half done can be committed.
    }
  }
}
