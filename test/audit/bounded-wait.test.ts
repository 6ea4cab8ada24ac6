import { beforeEach, describe, expect, test } from '@jest/globals';
import { createBoundedWait } from '../../src/audit/witness/bounded-wait.js';
import { TestClock } from '../support/clock.js';

const SECOND_MS = 1_000;

let clock: TestClock;
/** What witnesses were waited for: sizes and limits. */
let waits: [number, number][];
let answerMs: number;
let size: number | undefined;

const witnessing = {
  settle: async (atSize: number, limitMs: number) => {
    waits.push([atSize, limitMs]);
    clock.advance(Math.min(answerMs, limitMs));
  },
};
const log = {
  head: async () =>
    size === undefined ? undefined : { size, frontier: new Uint8Array(0), checkpoint: '' },
};

beforeEach(() => {
  clock = new TestClock();
  waits = [];
  answerMs = 5;
  size = 7;
});

describe('waiting for the witnesses', () => {
  test('when they answer in time, then every caller waits for what is in the log, a second at most', async () => {
    const wait = createBoundedWait({ log, witnessing, clock });
    await wait();
    size = 9;
    await wait();
    expect(waits).toEqual([
      [7, SECOND_MS],
      [9, SECOND_MS],
    ]);
  });

  test('when they were late, then nobody waits for ten seconds, and somebody looks again after that', async () => {
    answerMs = 60 * SECOND_MS;
    const wait = createBoundedWait({ log, witnessing, clock });
    await wait();
    for (let second = 0; second < 9; second += 1) {
      await wait();
      clock.advance(SECOND_MS);
    }
    expect(waits).toHaveLength(1);
    clock.advance(SECOND_MS);
    answerMs = 5;
    await wait();
    await wait();
    expect(waits).toHaveLength(3);
  });

  test('when the log is empty, then there is nothing to wait for', async () => {
    size = undefined;
    await createBoundedWait({ log, witnessing, clock })();
    expect(waits).toEqual([]);
  });
});
