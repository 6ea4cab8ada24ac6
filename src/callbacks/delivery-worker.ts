import { SECOND_MS } from '../lib/clock.js';
import { pause } from '../lib/pause.js';
import { ClaimTurns } from './claim-turns.js';
import { DeliveryLanes } from './delivery-lanes.js';
import type { Delivery } from './delivery-store.js';
import { DestinationLane, type Job } from './destination-lane.js';
import type { Destination } from './destination-store.js';
import { ATTEMPT_MS, type WorkOffDeps, workOff } from './work-off.js';

/** Longer than an attempt can take, so that no other worker sends the row meanwhile. */
const LEASE_MS = 30 * SECOND_MS;
/** How late a row of another process may be noticed. */
const POLL_MS = 5 * SECOND_MS;
const STORE_PAUSE_MS = SECOND_MS;
/** Of a destination that fails: enough to see when it works again. */
const FAILING_WIDTH = 1;
/** A claim takes so many times what may be in flight, so that a few claims serve many attempts. */
const CLAIM_FACTOR = 4;

/** How much one worker does at once. */
export interface WorkerLimits {
  readonly maxInFlight: number;
  readonly maxInFlightPerDestination: number;
  /** Deliveries in memory that wait to be sent. */
  readonly maxWaiting: number;
}

const LIMITS: WorkerLimits = {
  maxInFlight: 512,
  maxInFlightPerDestination: 16,
  maxWaiting: 8_192,
};

export interface DeliveryWorkerDeps extends WorkOffDeps {
  readonly limits?: Partial<WorkerLimits>;
}

/**
 * Sends the deliveries that are due, from a store that it may share with workers of other
 * processes. At least once: a crash between the answer and its record sends the event again, under
 * the same `webhook-id`.
 *
 * It claims for one destination at a time, and only what that destination can take soon: neither its
 * memory nor the deliveries of others depend on how many are queued for one.
 */
export class DeliveryWorker {
  readonly #deps: DeliveryWorkerDeps;
  readonly #limits: WorkerLimits;
  readonly #lanes = new Map<string, DestinationLane>();
  readonly #running: DeliveryLanes<Job, DestinationLane>;
  readonly #claims: ClaimTurns<DestinationLane>;
  #waiting = 0;
  #loop: Promise<void> | undefined;
  #isRunning = false;
  #isAbandoned = false;
  #isWoken = false;
  #endPause: (() => void) | undefined;

  constructor(deps: DeliveryWorkerDeps) {
    this.#deps = deps;
    this.#limits = { ...LIMITS, ...deps.limits };
    this.#running = new DeliveryLanes({
      maxInFlight: this.#limits.maxInFlight,
      widthOf: (lane) => (lane.openAtMs > deps.clock.nowMs() ? 0 : this.#widthOf(lane)),
      run: (lane, job) => this.#process(lane, job),
      onEnd: (lane) => {
        this.#advance(lane);
        this.#claims.goOn();
      },
    });
    this.#claims = new ClaimTurns({
      claim: (lane) => this.#claim(lane),
      hasRoom: () => this.#isRunning && this.#waiting < this.#limits.maxWaiting,
    });
  }

  start(): void {
    if (this.#loop !== undefined) return;
    this.#isRunning = true;
    this.#loop = this.#run();
  }

  /** Looks into the store now: something in it may have changed. */
  wake(): void {
    this.#isWoken = true;
    this.#endPause?.();
  }

  /** A committed row is to be sent when it is due. */
  enqueued(delivery: Destination & Pick<Delivery, 'dueAtMs'>): void {
    const lane = this.#laneOf(delivery);
    lane.expectAt(delivery.dueAtMs);
    this.#advance(lane);
  }

  /** Sends a committed row now although it is not due: its answer has been flushed. */
  expedite(delivery: Destination & Pick<Delivery, 'deliveryId'>): void {
    const lane = this.#laneOf(delivery);
    lane.expedited.add(delivery.deliveryId);
    this.#advance(lane);
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
    await Promise.all([this.#loop, this.#claims.end()]);
    for (const lane of this.#lanes.values()) {
      lane.rest();
      await this.#giveBack(lane);
    }
    await this.#running.idle();
  }

  async #run(): Promise<void> {
    while (this.#isRunning) {
      this.#isWoken = false;
      const pauseMs = await this.#lookAround().catch((error: unknown) => {
        this.#deps.onError(error);
        return STORE_PAUSE_MS;
      });
      await this.#rest(pauseMs);
    }
  }

  async #rest(durationMs: number): Promise<void> {
    if (this.#isWoken) return;
    const woken = new AbortController();
    this.#endPause = () => {
      woken.abort();
    };
    await pause(durationMs, woken.signal);
    this.#endPause = undefined;
  }

  /** Learns what others have changed; returns how long to wait before the next time. */
  async #lookAround(): Promise<number> {
    const { deliveries, destinations } = this.#deps;
    for (const queue of await deliveries.listQueues()) this.#laneOf(queue).expectAt(queue.nextAtMs);
    const unhealthy = await destinations.list();
    const healthOf = new Map(unhealthy.map((health) => [keyOf(health), health]));
    for (const [key, lane] of this.#lanes) {
      lane.health = healthOf.get(key);
      this.#advance(lane);
    }
    return POLL_MS;
  }

  #laneOf({ tenantId, origin }: Destination): DestinationLane {
    const key = keyOf({ tenantId, origin });
    const lane = this.#lanes.get(key) ?? new DestinationLane({ tenantId, origin });
    this.#lanes.set(key, lane);
    return lane;
  }

  #widthOf(lane: DestinationLane): number {
    return lane.health === undefined ? this.#limits.maxInFlightPerDestination : FAILING_WIDTH;
  }

  /** Sends what can be sent, and claims more where there is more. */
  #advance(lane: DestinationLane): void {
    if (!this.#isRunning) return;
    this.#running.advance(lane);
    if (lane.isClaiming) return;
    if (lane.isIdle) {
      // Its timer would forget the lane that may take its place.
      lane.rest();
      this.#lanes.delete(keyOf(lane.destination));
      return;
    }
    const nowMs = this.#deps.clock.nowMs();
    const waitMs = (lane.waiting.length > 0 ? lane.openAtMs : lane.claimAtMs) - nowMs;
    // What is further away, the next look around sees.
    if (waitMs > 0 && waitMs < POLL_MS)
      lane.callAfter(waitMs, () => {
        this.#advance(lane);
      });
    if (lane.claimAtMs <= nowMs && this.#needsMore(lane)) this.#claims.request(lane);
  }

  /** What waits behind an attempt that hangs would only lose its lease. */
  #needsMore(lane: DestinationLane): boolean {
    const held = lane.health === undefined ? 0 : lane.inFlight;
    return lane.waiting.length + held < this.#widthOf(lane);
  }

  async #claim(lane: DestinationLane): Promise<void> {
    lane.isClaiming = true;
    try {
      await this.#claimSome(lane);
    } catch (error) {
      this.#deps.onError(error);
      await pause(STORE_PAUSE_MS);
      lane.expectAt(this.#deps.clock.nowMs());
    }
    lane.isClaiming = false;
    this.#advance(lane);
  }

  async #claimSome(lane: DestinationLane): Promise<void> {
    const { deliveries, clock } = this.#deps;
    const { destination } = lane;
    const width = this.#widthOf(lane);
    const expedited = [...lane.expedited];
    const nowMs = clock.nowMs();
    const leaseUntilMs = nowMs + LEASE_MS;
    lane.nextAtMs = Number.POSITIVE_INFINITY;
    const { leased, nextAtMs } = await deliveries.claim({
      destination,
      nowMs,
      leaseUntilMs,
      limit: width === FAILING_WIDTH ? width : width * CLAIM_FACTOR,
      expedited,
    });
    for (const deliveryId of expedited) lane.expedited.delete(deliveryId);
    if (nextAtMs !== undefined) lane.expectAt(nextAtMs);
    this.#waiting += leased.length;
    for (const delivery of leased) lane.waiting.push({ leased: delivery, leaseUntilMs });
  }

  async #process(lane: DestinationLane, job: Job): Promise<void> {
    this.#waiting -= 1;
    try {
      await workOff(this.#deps, lane, job, () => this.#isAbandoned);
    } catch (error) {
      this.#deps.onError(error);
    }
    // A destination that fails takes one at a time: the rest would only lose its lease.
    if (lane.health !== undefined) await this.#giveBack(lane);
  }

  async #giveBack(lane: DestinationLane): Promise<void> {
    const jobs = lane.waiting.splice(0);
    if (jobs.length === 0) return;
    this.#waiting -= jobs.length;
    try {
      await this.#deps.deliveries.giveBack(jobs.map(({ leased }) => leased));
      lane.expectAt(this.#deps.clock.nowMs());
    } catch (error) {
      this.#deps.onError(error);
    }
  }
}

/** The name of a destination among others. */
function keyOf({ tenantId, origin }: Destination): string {
  return `${tenantId} ${origin}`;
}
