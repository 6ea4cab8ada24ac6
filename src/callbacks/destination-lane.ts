import type { Lane } from './delivery-lanes.js';
import type { LeasedDelivery } from './delivery-store.js';
import type { Destination, DestinationHealth } from './destination-store.js';

/** A leased delivery that waits for its turn. */
export interface Job {
  readonly leased: LeasedDelivery;
  readonly leaseUntilMs: number;
}

/** What a worker knows of one destination: what it holds of it, and when the store has more. */
export class DestinationLane implements Lane<Job> {
  readonly destination: Destination;
  readonly waiting: Job[] = [];
  /** To be claimed although not due. */
  readonly expedited = new Set<string>();
  inFlight = 0;
  isClaiming = false;
  /** Undefined while it works. */
  health: DestinationHealth | undefined;
  /** When the store may have something to claim; too early costs a claim in vain. */
  nextAtMs = Number.POSITIVE_INFINITY;
  #timer: NodeJS.Timeout | undefined;

  constructor(destination: Destination) {
    this.destination = destination;
  }

  /** The store may have something to claim from this time on. */
  expectAt(atMs: number): void {
    this.nextAtMs = Math.min(this.nextAtMs, atMs);
  }

  /** Nothing is sent before this time; infinity while the destination is disabled. */
  get openAtMs(): number {
    if (this.health?.disabledAtMs !== undefined) return Number.POSITIVE_INFINITY;
    return this.health?.pausedUntilMs ?? Number.NEGATIVE_INFINITY;
  }

  /** When a claim is worth while. */
  get claimAtMs(): number {
    const nextAtMs = this.expedited.size > 0 ? Number.NEGATIVE_INFINITY : this.nextAtMs;
    return Math.max(nextAtMs, this.openAtMs);
  }

  /** Whether it can be forgotten. */
  get isIdle(): boolean {
    const isBusy = this.isClaiming || this.inFlight > 0 || this.waiting.length > 0;
    const isExpecting = this.expedited.size > 0 || this.nextAtMs < Number.POSITIVE_INFINITY;
    return !isBusy && !isExpecting && this.health === undefined;
  }

  /** Calls back once after so long, unless {@link rest} or another call comes before. */
  callAfter(durationMs: number, callback: () => void): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(callback, durationMs);
  }

  rest(): void {
    clearTimeout(this.#timer);
  }
}
