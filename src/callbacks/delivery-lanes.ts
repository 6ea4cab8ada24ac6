import { SECOND_MS } from '../lib/clock.js';

/** How much may be under way at once. */
export interface LaneLimits {
  readonly maxInFlight: number;
  readonly maxInFlightPerDestination: number;
  readonly maxWaitingPerDestination: number;
  /** In flight and waiting, over all destinations. */
  readonly maxHeld: number;
}

interface Lane<Job> {
  inFlight: number;
  readonly waiting: Job[];
  /** Jobs that ended since the speed was last measured. */
  ended: number;
  measuredAtMs: number;
  isSlow: boolean;
}

const MEASURE_MS = 250;
/** A lane below this does not empty within a lease, however long others wait for it. */
const SLOW_PER_SECOND = 64;

/**
 * Runs jobs, a bounded number at once and fewer for each destination, so that a destination that
 * hangs holds up its own lane only. Lanes take turns.
 */
export class DeliveryLanes<Job> {
  readonly #lanes = new Map<string, Lane<Job>>();
  readonly #limits: LaneLimits;
  /** Must not reject. */
  readonly #run: (job: Job) => Promise<void>;
  #inFlight = 0;
  #held = 0;
  #whenIdle: (() => void)[] = [];

  constructor(limits: LaneLimits, run: (job: Job) => Promise<void>) {
    this.#limits = limits;
    this.#run = run;
  }

  /** How many more jobs can be held. */
  get room(): number {
    return this.#limits.maxHeld - this.#held;
  }

  /** Runs a job as soon as its lane allows it; false when the lane is full and the job not taken. */
  add(destination: string, job: Job): boolean {
    const lane = this.#lanes.get(destination) ?? newLane<Job>();
    if (lane.waiting.length >= this.#limits.maxWaitingPerDestination) return false;
    this.#lanes.set(destination, lane);
    lane.waiting.push(job);
    this.#held += 1;
    this.#startWaiting();
    return true;
  }

  /**
   * Whether a lane that moves could not take this many more. A full lane that hardly moves does not
   * count: waiting for it would hold up the others.
   */
  isCrowdedFor(jobs: number): boolean {
    const limit = this.#limits.maxWaitingPerDestination - jobs;
    const full = [...this.#lanes.values()].filter(({ waiting }) => waiting.length > limit);
    for (const lane of full) measure(lane);
    return full.some(({ isSlow }) => !isSlow);
  }

  /** Forgets the jobs that were not started. */
  clearWaiting(): void {
    for (const lane of this.#lanes.values()) this.#held -= lane.waiting.splice(0).length;
  }

  /** Resolves when nothing is in flight. */
  async idle(): Promise<void> {
    if (this.#inFlight === 0) return;
    await new Promise<void>((resolve) => this.#whenIdle.push(resolve));
  }

  #startWaiting(): void {
    for (const [destination, lane] of this.#lanes) {
      if (this.#inFlight >= this.#limits.maxInFlight) return;
      if (lane.inFlight >= this.#limits.maxInFlightPerDestination) continue;
      const job = lane.waiting.shift();
      if (job === undefined) continue;
      // At the end of the row the loop comes by again, while there is anything to start.
      this.#start(destination, lane, job);
      this.#moveToEnd(destination, lane);
    }
  }

  #moveToEnd(destination: string, lane: Lane<Job>): void {
    this.#lanes.delete(destination);
    const isInUse = lane.inFlight > 0 || lane.waiting.length > 0;
    if (isInUse) this.#lanes.set(destination, lane);
  }

  #start(destination: string, lane: Lane<Job>, job: Job): void {
    lane.inFlight += 1;
    this.#inFlight += 1;
    void this.#run(job).finally(() => {
      lane.inFlight -= 1;
      lane.ended += 1;
      this.#inFlight -= 1;
      this.#held -= 1;
      this.#moveToEnd(destination, lane);
      this.#startWaiting();
      if (this.#inFlight === 0) for (const resolve of this.#whenIdle.splice(0)) resolve();
    });
  }
}

function newLane<Job>(): Lane<Job> {
  return { inFlight: 0, waiting: [], ended: 0, measuredAtMs: performance.now(), isSlow: false };
}

function measure(lane: Lane<unknown>): void {
  const nowMs = performance.now();
  const elapsedMs = nowMs - lane.measuredAtMs;
  if (elapsedMs < MEASURE_MS) return;
  // Over a longer time it says how much there was to do, not how fast it went.
  if (elapsedMs < 4 * MEASURE_MS) {
    lane.isSlow = lane.ended * SECOND_MS < SLOW_PER_SECOND * elapsedMs;
  }
  lane.ended = 0;
  lane.measuredAtMs = nowMs;
}
