import { describe, expect, test } from '@jest/globals';
import { DeliveryLanes } from '../../src/callbacks/delivery-lanes.js';

const limits = {
  maxInFlight: 4,
  maxInFlightPerDestination: 2,
  maxWaitingPerDestination: 3,
  maxHeld: 100,
};

/** Lanes whose jobs run until the test finishes them. */
function controlled(): {
  lanes: DeliveryLanes<string>;
  running: string[];
  finish: (job: string) => Promise<void>;
} {
  const running: string[] = [];
  const resolvers = new Map<string, () => void>();
  const lanes = new DeliveryLanes<string>(limits, async (job) => {
    running.push(job);
    await new Promise<void>((resolve) => resolvers.set(job, resolve));
    running.splice(running.indexOf(job), 1);
  });
  const finish = async (job: string): Promise<void> => {
    resolvers.get(job)?.();
    await new Promise((resolve) => setImmediate(resolve));
  };
  return { lanes, running, finish };
}

describe('delivery lanes', () => {
  test('when a destination has many jobs, then only its share runs and the others are served', () => {
    const { lanes, running } = controlled();
    for (const job of ['a1', 'a2', 'a3', 'a4']) expect(lanes.add('a', job)).toBe(true);
    lanes.add('b', 'b1');
    expect(running).toEqual(['a1', 'a2', 'b1']);
  });

  test('when a job ends, then the next of its lane runs', async () => {
    const { lanes, running, finish } = controlled();
    for (const job of ['a1', 'a2', 'a3']) lanes.add('a', job);
    await finish('a1');
    expect(running).toEqual(['a2', 'a3']);
  });

  test('when everything is busy, then lanes take turns', async () => {
    const { lanes, running, finish } = controlled();
    for (const lane of ['a', 'b', 'c']) {
      for (const number of [1, 2, 3]) lanes.add(lane, `${lane}${number}`);
    }
    expect(running).toEqual(['a1', 'a2', 'b1', 'b2']);
    await finish('a1');
    await finish('a2');
    expect([...running].sort()).toEqual(['b1', 'b2', 'c1', 'c2']);
  });

  test('when a lane is full, then a job is not taken', () => {
    const { lanes } = controlled();
    const taken = [1, 2, 3, 4, 5, 6].map((number) => lanes.add('a', `a${number}`));
    expect(taken).toEqual([true, true, true, true, true, false]);
    expect(lanes.room).toBe(95);
  });

  test('when a full lane stands still, then it is crowded for a moment and no longer', async () => {
    const { lanes } = controlled();
    for (const number of [1, 2, 3, 4]) lanes.add('a', `a${number}`);
    expect(lanes.isCrowdedFor(1)).toBe(false);
    expect(lanes.isCrowdedFor(2)).toBe(true);
    await new Promise((resolve) => setTimeout(resolve, 300));
    expect(lanes.isCrowdedFor(2)).toBe(false);
  });

  test('when a full lane moves, then it stays crowded', async () => {
    const lanes = new DeliveryLanes<number>({ ...limits, maxWaitingPerDestination: 100 }, () =>
      Promise.resolve(),
    );
    let added = 0;
    const endsAt = performance.now() + 400;
    while (performance.now() < endsAt) {
      while (lanes.add('a', added)) added += 1;
      expect(lanes.isCrowdedFor(1)).toBe(true);
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect(added).toBeGreaterThan(100);
  });

  test('when waiting jobs are cleared, then they never run and their room is free', async () => {
    const { lanes, running, finish } = controlled();
    for (const job of ['a1', 'a2', 'a3', 'a4']) lanes.add('a', job);
    lanes.clearWaiting();
    expect(lanes.room).toBe(98);
    await finish('a1');
    await finish('a2');
    expect(running).toEqual([]);
    expect(lanes.room).toBe(100);
  });

  test('when nothing is in flight any more, then it is idle', async () => {
    const { lanes, finish } = controlled();
    await lanes.idle();
    lanes.add('a', 'a1');
    let isIdle = false;
    const idle = lanes.idle().then(() => {
      isIdle = true;
    });
    await new Promise((resolve) => setImmediate(resolve));
    expect(isIdle).toBe(false);
    await finish('a1');
    await idle;
    expect(isIdle).toBe(true);
  });
});
