import type { Clock } from '../../src/lib/clock.js';

/** Runs with the real time, ahead of it by as much as a test has advanced it. */
export class TestClock implements Clock {
  #aheadMs = 0;

  nowMs(): number {
    return Date.now() + this.#aheadMs;
  }

  advance(ms: number): void {
    this.#aheadMs += ms;
  }
}
