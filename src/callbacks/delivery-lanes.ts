/** What waits for one destination, and how much of it is under way. */
export interface Lane<Job> {
  readonly waiting: Job[];
  inFlight: number;
}

export interface LaneRules<Job, L extends Lane<Job>> {
  /** How many jobs may be under way at once. */
  readonly maxInFlight: number;
  /** How many of one lane. It is asked before every start. */
  readonly widthOf: (lane: L) => number;
  /** Must not reject. */
  readonly run: (lane: L, job: Job) => Promise<void>;
  /** A job has ended and its place is free; to be answered with {@link DeliveryLanes.advance}. */
  readonly onEnd: (lane: L) => void;
}

/**
 * Runs jobs, a bounded number at once and fewer for each lane, so that a destination that hangs holds
 * up its own lane only. Lanes that wait for a free place take turns.
 */
export class DeliveryLanes<Job, L extends Lane<Job>> {
  readonly #rules: LaneRules<Job, L>;
  /** Lanes that start a job as soon as there is a place, longest waiting first. */
  readonly #queue = new Set<L>();
  #inFlight = 0;
  #whenIdle: (() => void)[] = [];

  constructor(rules: LaneRules<Job, L>) {
    this.#rules = rules;
  }

  /** Starts what is waiting in a lane as far as there are places, now or when there are. */
  advance(lane: L): void {
    if (this.#mayStart(lane)) this.#queue.add(lane);
    this.#startQueued();
  }

  /** Resolves when nothing is in flight. */
  async idle(): Promise<void> {
    if (this.#inFlight === 0) return;
    await new Promise<void>((resolve) => this.#whenIdle.push(resolve));
  }

  #mayStart(lane: L): boolean {
    return lane.waiting.length > 0 && lane.inFlight < this.#rules.widthOf(lane);
  }

  #startQueued(): void {
    for (const lane of this.#queue) {
      if (this.#inFlight >= this.#rules.maxInFlight) return;
      this.#queue.delete(lane);
      const job = this.#mayStart(lane) ? lane.waiting.shift() : undefined;
      if (job === undefined) continue;
      this.#start(lane, job);
      // To the end of the row: while there are places, the loop comes by again.
      if (this.#mayStart(lane)) this.#queue.add(lane);
    }
  }

  #start(lane: L, job: Job): void {
    lane.inFlight += 1;
    this.#inFlight += 1;
    void this.#rules.run(lane, job).finally(() => {
      lane.inFlight -= 1;
      this.#inFlight -= 1;
      this.#rules.onEnd(lane);
      this.#startQueued();
      if (this.#inFlight === 0) for (const resolve of this.#whenIdle.splice(0)) resolve();
    });
  }
}
