import { setImmediate } from 'node:timers';
import { ServiceError } from '../../errors/service-error.js';
import type { Shredded } from '../vault.js';
import type { Slot } from './tree-growth.js';
import type { Addition, Removal, RootChanges, TreeWriter } from './tree-writer.js';

/** A batch of so many erasures keeps the process busy for some milliseconds. */
const MAX_REMOVALS = 128;
const MAX_ADDITIONS = 256;

interface Job<Work, Result> {
  readonly work: Work;
  readonly resolve: (result: Result) => void;
  readonly reject: (error: unknown) => void;
}

/** Group commit: what comes while a batch is being made is the next batch. */
export class GroupQueue {
  readonly #writer: TreeWriter;
  readonly #tidyAfterMs: number;
  readonly #additions: Job<Addition, Slot>[] = [];
  readonly #removals: Job<Removal, Shredded>[] = [];
  readonly #renewals: Job<RootChanges, void>[] = [];
  #running: Promise<void> | undefined;
  #tidying: NodeJS.Timeout | undefined;
  #isClosed = false;

  constructor(writer: TreeWriter, options: { tidyAfterMs: number }) {
    this.#writer = writer;
    this.#tidyAfterMs = options.tidyAfterMs;
  }

  add(addition: Addition): Promise<Slot> {
    return this.#enqueue(this.#additions, addition);
  }

  remove(removal: Removal): Promise<Shredded> {
    return this.#enqueue(this.#removals, removal);
  }

  /** Gives the same keys a new root, in its turn. */
  renewRoot(changes: RootChanges): Promise<void> {
    return this.#enqueue(this.#renewals, changes);
  }

  /** Finishes what is waiting and accepts nothing more. */
  async close(): Promise<void> {
    this.#isClosed = true;
    clearTimeout(this.#tidying);
    while (this.#running !== undefined) await this.#running;
    await this.#writer.tidy().catch(() => undefined);
  }

  #enqueue<Work, Result>(jobs: Job<Work, Result>[], work: Work): Promise<Result> {
    if (this.#isClosed)
      return Promise.reject(new ServiceError('UNAVAILABLE', { detail: 'the vault is closed' }));
    return new Promise((resolve, reject) => {
      jobs.push({ work, resolve, reject });
      this.#running ??= this.#runAll();
    });
  }

  async #runAll(): Promise<void> {
    clearTimeout(this.#tidying);
    while (this.#isWaiting) {
      // Everything that this turn of the event loop brings is in the same batch.
      await new Promise<void>((resolve) => {
        setImmediate(resolve);
      });
      await settle(this.#additions.splice(0, MAX_ADDITIONS), (work) => this.#writer.add(work));
      await settle(this.#removals.splice(0, MAX_REMOVALS), (work) => this.#writer.remove(work));
      for (const renewal of this.#renewals.splice(0))
        await settle([renewal], async ([changes = {}]) => {
          await this.#writer.renewRoot(changes);
          return [undefined];
        });
    }
    this.#running = undefined;
    if (this.#isClosed) return;
    this.#tidying = setTimeout(() => {
      this.#running ??= this.#tidy();
    }, this.#tidyAfterMs);
    this.#tidying.unref();
  }

  /** A failure is met again, and told, by the next change. */
  async #tidy(): Promise<void> {
    await this.#writer.tidy().catch(() => undefined);
    this.#running = undefined;
    if (this.#isWaiting) this.#running = this.#runAll();
  }

  get #isWaiting(): boolean {
    return [this.#additions, this.#removals, this.#renewals].some((jobs) => jobs.length > 0);
  }
}

async function settle<Work, Result>(
  jobs: readonly Job<Work, Result>[],
  run: (work: readonly Work[]) => Promise<readonly Result[]>,
): Promise<void> {
  if (jobs.length === 0) return;
  try {
    const results = await run(jobs.map(({ work }) => work));
    jobs.forEach(({ resolve }, at) => {
      resolve(results[at] as Result);
    });
  } catch (error) {
    for (const { reject } of jobs) reject(error);
  }
}
