import { describe, expect, test } from '@jest/globals';
import { DeliveryLanes, type Lane } from '../../src/callbacks/delivery-lanes.js';

interface NamedLane extends Lane<string> {
  readonly name: string;
  width: number;
}

/** Four jobs at once, two of a lane unless its width is changed; they run until the test finishes them. */
function controlled(): {
  add: (name: string, ...jobs: string[]) => void;
  widen: (name: string, width: number) => void;
  lanes: DeliveryLanes<string, NamedLane>;
  running: string[];
  finish: (job: string) => Promise<void>;
} {
  const running: string[] = [];
  const resolvers = new Map<string, () => void>();
  const named = new Map<string, NamedLane>();
  const lanes: DeliveryLanes<string, NamedLane> = new DeliveryLanes<string, NamedLane>({
    maxInFlight: 4,
    widthOf: ({ width }) => width,
    run: async (_lane, job) => {
      running.push(job);
      await new Promise<void>((resolve) => resolvers.set(job, resolve));
      running.splice(running.indexOf(job), 1);
    },
    onEnd: (lane) => {
      lanes.advance(lane);
    },
  });
  const laneOf = (name: string): NamedLane => {
    const lane = named.get(name) ?? { name, waiting: [], inFlight: 0, width: 2 };
    named.set(name, lane);
    return lane;
  };
  return {
    add: (name, ...jobs) => {
      laneOf(name).waiting.push(...jobs);
      lanes.advance(laneOf(name));
    },
    widen: (name, width) => {
      laneOf(name).width = width;
      lanes.advance(laneOf(name));
    },
    lanes,
    running,
    finish: async (job) => {
      resolvers.get(job)?.();
      await new Promise((resolve) => setImmediate(resolve));
    },
  };
}

describe('delivery lanes', () => {
  test('when a lane has many jobs, then only its share runs and the others are served', () => {
    const { add, running } = controlled();
    add('a', 'a1', 'a2', 'a3', 'a4');
    add('b', 'b1');
    expect(running).toEqual(['a1', 'a2', 'b1']);
  });

  test('when a job ends, then the next of its lane runs', async () => {
    const { add, running, finish } = controlled();
    add('a', 'a1', 'a2', 'a3');
    await finish('a1');
    expect(running).toEqual(['a2', 'a3']);
  });

  test('when everything is busy, then lanes take turns', async () => {
    const { add, running, finish } = controlled();
    for (const lane of ['a', 'b', 'c', 'd']) add(lane, `${lane}1`, `${lane}2`, `${lane}3`);
    expect(running).toEqual(['a1', 'a2', 'b1', 'b2']);
    await finish('a1');
    await finish('a2');
    expect([...running].sort()).toEqual(['b1', 'b2', 'c1', 'd1']);
    await finish('b1');
    await finish('b2');
    expect([...running].sort()).toEqual(['a3', 'c1', 'c2', 'd1']);
  });

  test('when a lane is closed, then its jobs wait until it opens', async () => {
    const { add, widen, running, finish } = controlled();
    widen('a', 0);
    add('a', 'a1', 'a2');
    add('b', 'b1');
    await finish('b1');
    expect(running).toEqual([]);
    widen('a', 1);
    expect(running).toEqual(['a1']);
  });

  test('when nothing is in flight any more, then it is idle', async () => {
    const { add, lanes, finish } = controlled();
    await lanes.idle();
    add('a', 'a1');
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
