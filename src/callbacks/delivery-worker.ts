import { SECOND_MS } from '../lib/clock.js';
import { type AttemptDeps, attemptDelivery } from './attempt.js';
import { DeliveryLanes, type LaneLimits } from './delivery-lanes.js';
import type { AttemptResult, Delivery, DeliveryStore, LeasedDelivery } from './delivery-store.js';

/** Longer than an attempt can take, so that no other worker sends the row meanwhile. */
const LEASE_MS = 30 * SECOND_MS;
/** The sender's deadline, and time to record. */
const ATTEMPT_MS = 16 * SECOND_MS;
const CLAIM_LIMIT = 64;
/** How late a row of another process may be noticed. */
const POLL_MS = 5 * SECOND_MS;
/** How late a row may be noticed while a due one is leased. */
const LEASED_POLL_MS = 250;
/** How soon a full lane is looked at again, when no attempt ends before. */
const CROWDED_PAUSE_MS = 100;
const STORE_PAUSE_MS = SECOND_MS;
const LIMITS: LaneLimits = {
  maxInFlight: 128,
  maxInFlightPerDestination: 16,
  maxWaitingPerDestination: 1_024,
  maxHeld: 8_192,
};

/** One attempt, for metrics and log: no URL, no header, nothing of the receiver. */
export interface AttemptReport {
  readonly tenantId: string;
  readonly deliveryId: string;
  /** 1 for the first. */
  readonly attempt: number;
  /** HTTP status or error code. */
  readonly outcome: string;
  readonly state: Delivery['state'];
  readonly durationMs: number;
}

export interface DeliveryWorkerDeps extends AttemptDeps {
  readonly deliveries: DeliveryStore;
  readonly onAttempt: (report: AttemptReport) => void;
  /** A failure of the service itself, such as a store that does not answer. */
  readonly onError: (error: unknown) => void;
  readonly limits?: Partial<LaneLimits>;
}

interface Job {
  readonly leased: LeasedDelivery;
  readonly leaseUntilMs: number;
}

/**
 * Sends the deliveries that are due, from a store that it may share with workers of other
 * processes. At least once: a crash between the answer and its record sends the event again, under
 * the same `webhook-id`.
 */
export class DeliveryWorker {
  readonly #deps: DeliveryWorkerDeps;
  readonly #lanes: DeliveryLanes<Job>;
  readonly #expedited = new Set<string>();
  #loop: Promise<void> | undefined;
  #isRunning = false;
  #isAbandoned = false;
  /** The last claim was cut off by its limit: there is more. */
  #hasBacklog = false;
  #isWoken = false;
  #endPause: (() => void) | undefined;

  constructor(deps: DeliveryWorkerDeps) {
    this.#deps = deps;
    this.#lanes = new DeliveryLanes({ ...LIMITS, ...deps.limits }, (job) => this.#process(job));
  }

  start(): void {
    if (this.#loop !== undefined) return;
    this.#isRunning = true;
    this.#loop = this.#run();
  }

  /** Looks for due rows now; to be called after a commit that wrote one. */
  wake(): void {
    this.#isWoken = true;
    this.#endPause?.();
  }

  /** Sends a committed row now although it is not due: its answer has been flushed. */
  expedite(deliveryId: string): void {
    this.#expedited.add(deliveryId);
    this.wake();
  }

  /**
   * Ends for good. Starts nothing new and waits at most `drainMs` for attempts in flight; what is
   * not recorded by then is sent again when its lease is over.
   */
  async stop(drainMs = ATTEMPT_MS): Promise<void> {
    this.#isRunning = false;
    this.wake();
    const bound = new AbortController();
    await Promise.race([this.#drain(), pause(drainMs, bound.signal)]);
    bound.abort();
    this.#isAbandoned = true;
  }

  async #drain(): Promise<void> {
    await this.#loop;
    this.#lanes.clearWaiting();
    await this.#lanes.idle();
  }

  async #run(): Promise<void> {
    while (this.#isRunning) {
      this.#isWoken = false;
      const pauseMs = await this.#claim().catch((error: unknown) => {
        this.#deps.onError(error);
        return STORE_PAUSE_MS;
      });
      await this.#pause(pauseMs);
    }
  }

  /** Claims what is due and returns how long to wait before the next claim. */
  async #claim(): Promise<number> {
    const { deliveries, clock } = this.#deps;
    const limit = Math.min(this.#lanes.room, CLAIM_LIMIT);
    this.#hasBacklog = true;
    if (limit <= 0 || this.#lanes.isCrowdedFor(CLAIM_LIMIT)) return CROWDED_PAUSE_MS;
    const expedited = [...this.#expedited];
    const nowMs = clock.nowMs();
    const leaseUntilMs = nowMs + LEASE_MS;
    const claimed = await deliveries.claimDue({ nowMs, leaseUntilMs, limit, expedited });
    for (const deliveryId of expedited) this.#expedited.delete(deliveryId);
    for (const leased of claimed) {
      // A row that its lane does not take stays leased: the next claim sees what lies behind it.
      this.#lanes.add(leased.delivery.destination, { leased, leaseUntilMs });
    }
    this.#hasBacklog = claimed.length === limit;
    if (this.#hasBacklog) return 0;
    const nextDueAtMs = await deliveries.nextDueAtMs();
    if (nextDueAtMs === undefined) return POLL_MS;
    const waitMs = nextDueAtMs - clock.nowMs();
    return waitMs > 0 ? Math.min(waitMs, POLL_MS) : LEASED_POLL_MS;
  }

  async #pause(durationMs: number): Promise<void> {
    if (durationMs === 0 || this.#isWoken) return;
    const woken = new AbortController();
    this.#endPause = () => {
      woken.abort();
    };
    await pause(durationMs, woken.signal);
    this.#endPause = undefined;
  }

  async #process(job: Job): Promise<void> {
    try {
      await this.#attempt(job);
    } catch (error) {
      this.#deps.onError(error);
    }
    if (this.#hasBacklog) this.wake();
  }

  async #attempt({ leased, leaseUntilMs }: Job): Promise<void> {
    const { clock } = this.#deps;
    // It waited too long: whoever holds the lease next will send it.
    if (clock.nowMs() + ATTEMPT_MS > leaseUntilMs) return;
    const beganAtMs = performance.now();
    const result = await attemptDelivery(this.#deps, leased.delivery);
    if (this.#isAbandoned) return;
    const durationMs = performance.now() - beganAtMs;
    await this.#record({ leased, leaseUntilMs }, result);
    this.#deps.onAttempt({
      tenantId: leased.delivery.tenantId,
      deliveryId: leased.delivery.deliveryId,
      attempt: leased.delivery.attempts + 1,
      outcome: result.outcome,
      state: result.next.state,
      durationMs,
    });
    if (result.next.state === 'pending') this.wake();
  }

  /** Tries for as long as the lease lasts: what is not recorded will be sent again. */
  async #record({ leased, leaseUntilMs }: Job, result: AttemptResult): Promise<void> {
    while (!this.#isAbandoned) {
      try {
        await this.#deps.deliveries.finishAttempt(leased, result);
        return;
      } catch (error) {
        this.#deps.onError(error);
      }
      if (this.#deps.clock.nowMs() + STORE_PAUSE_MS > leaseUntilMs) return;
      await pause(STORE_PAUSE_MS);
    }
  }
}

/** Waits; an aborted signal ends it early. */
async function pause(durationMs: number, signal?: AbortSignal): Promise<void> {
  if (signal?.aborted === true) return;
  await new Promise<void>((resolve) => {
    const timer = setTimeout(resolve, durationMs);
    signal?.addEventListener('abort', () => {
      clearTimeout(timer);
      resolve();
    });
  });
}
