import type { LogHead, LogStore } from '../log-store.js';
import type { Submitted, WitnessClient } from './submission.js';

/** How soon a witness that failed is asked again. */
export interface LaneTiming {
  /** Doubles with every failure in a row. */
  readonly retryMs: number;
  readonly maxRetryMs: number;
}

/** Told of what happens; a witness is called by the name of its key. */
export interface WitnessWatch {
  witnessCosigned(happened: { size: number }): void;
  witnessConflicted(happened: { witness: string }): void;
  witnessFailed(happened: { witness: string; outcome: string }): void;
  workerFailed(happened: { worker: 'witnessing'; error: unknown }): void;
}

interface Deps {
  readonly client: WitnessClient;
  readonly log: Pick<LogStore, 'addCosignature'>;
  readonly watch: WitnessWatch;
  readonly timing: LaneTiming;
  readonly stopping: AbortSignal;
  /** The lane takes heads again; `cosignedSize` when it has just kept a cosignature. */
  readonly onFree: (cosignedSize?: number) => void;
}

type Head = Pick<LogHead, 'size' | 'checkpoint'>;

/**
 * Asks one witness for one cosignature at a time and keeps what it gets. After a failure it rests, so
 * that a witness that hangs or is gone costs others nothing.
 */
export class WitnessLane {
  readonly #deps: Deps;
  #asking: { readonly size: number; readonly done: Promise<void> } | undefined;
  #rest: NodeJS.Timeout | undefined;
  #failures = 0;
  /** Of this size or a larger one there is a cosignature. */
  #doneSize = 0;

  constructor(deps: Deps) {
    this.#deps = deps;
  }

  /** Verifier key of the witness. */
  get vkey(): string {
    return this.#deps.client.key.vkey;
  }

  /** Whether the witness is being asked about the head of this size. */
  isAsking(size: number): boolean {
    return this.#asking?.size === size;
  }

  /** Takes over that the witness has cosigned this size, in answer to whoever asked. */
  noteDone(size: number): void {
    this.#doneSize = Math.max(this.#doneSize, size);
  }

  /** Asks about this head, unless the lane is busy, resting, or done with it. */
  offer(head: Head): void {
    const isBusy = this.#asking !== undefined || this.#rest !== undefined;
    if (isBusy || head.size <= this.#doneSize || this.#deps.stopping.aborted) return;
    this.#asking = { size: head.size, done: this.#ask(head) };
  }

  /** Resolves when nothing is under way; after `stopping` nothing begins. */
  async stop(): Promise<void> {
    clearTimeout(this.#rest);
    await this.#asking?.done;
  }

  async #ask(head: Head): Promise<void> {
    const cosignedSize = await this.#submit(head);
    this.#asking = undefined;
    this.#deps.onFree(cosignedSize);
  }

  /** The size that was cosigned, if one was. */
  async #submit(head: Head): Promise<number | undefined> {
    const { client, log, watch, stopping } = this.#deps;
    try {
      const submitted = await client.submit(head, stopping);
      if (submitted.kind !== 'cosigned') {
        this.#failed(submitted);
        return undefined;
      }
      const { size, line } = submitted;
      await log.addCosignature({ size, witness: this.vkey, line });
      this.noteDone(size);
      this.#failures = 0;
      watch.witnessCosigned({ size });
      return size;
    } catch (error) {
      watch.workerFailed({ worker: 'witnessing', error });
      this.#restNow();
      return undefined;
    }
  }

  #failed(submitted: Exclude<Submitted, { kind: 'cosigned' }>): void {
    const { client, watch, stopping } = this.#deps;
    if (stopping.aborted) return;
    const { name: witness } = client.key;
    if (submitted.kind === 'conflicted') watch.witnessConflicted({ witness });
    else watch.witnessFailed({ witness, outcome: submitted.outcome });
    this.#restNow();
  }

  #restNow(): void {
    const { timing, stopping, onFree } = this.#deps;
    if (stopping.aborted) return;
    const delayMs = Math.min(timing.retryMs * 2 ** this.#failures, timing.maxRetryMs);
    this.#failures += 1;
    this.#rest = setTimeout(() => {
      this.#rest = undefined;
      onFree();
    }, delayMs).unref();
  }
}
