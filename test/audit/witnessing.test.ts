import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { nodePrimitives } from '../../src/audit/offline/node-primitives.js';
import type { Policy } from '../../src/audit/offline/policy.js';
import { verifyCheckpoint } from '../../src/audit/offline/verify-checkpoint.js';
import { newestCheckpoint } from '../../src/audit/witness/published-checkpoint.js';
import type { WitnessChannel } from '../../src/audit/witness/witness-channel.js';
import { createWitnessing, type Witnessing } from '../../src/audit/witness/witnessing.js';
import { systemClock } from '../../src/lib/clock.js';
import {
  type ClosableWitnessChannel,
  createWitnessChannel,
} from '../../src/outbound/witness-channel.js';
import { GrowingLog } from '../support/growing-log.js';
import { startReceiver } from '../support/receiver.js';
import { until } from '../support/until.js';
import {
  policyOf,
  type ServedWitness,
  serveTestWitness,
  testCosigner,
} from '../support/witness.js';

const LONG_MS = 20_000;

let log: GrowingLog;
let channel: ClosableWitnessChannel;
let running: Witnessing[];
let served: ServedWitness[];
let told: string[];

beforeEach(() => {
  log = new GrowingLog();
  channel = createWitnessChannel({ deadlineMs: 500 });
  [running, served, told] = [[], [], []];
});
afterEach(async () => {
  for (const witnessing of running) await witnessing.stop();
  await channel.close();
  for (const witness of served) await witness.close();
});

async function witness(number: number, more: Partial<Parameters<typeof serveTestWitness>[0]> = {}) {
  const one = await serveTestWitness({ logs: await log.keys(), number, ...more });
  served.push(one);
  return one;
}

interface Plan {
  readonly of?: GrowingLog;
  readonly through?: WitnessChannel;
  readonly retryMs?: number;
  readonly pollMs?: number;
}

function witnessingOf(policy: Policy, plan: Plan = {}): Witnessing {
  const { of = log, through = channel, retryMs = 10, pollMs = 100_000 } = plan;
  const witnessing = createWitnessing({
    ...{ log: of.store, reader: of.reader, policy, channel: through, clock: systemClock },
    watch: {
      witnessCosigned: ({ size }) => told.push(`cosigned ${size.toString()}`),
      witnessConflicted: (happened) => told.push(`conflicted ${happened.witness}`),
      witnessFailed: (happened) => told.push(`failed ${happened.witness} ${happened.outcome}`),
      workerFailed: ({ worker }) => told.push(`${worker} failed`),
    },
    timing: { retryMs, pollMs },
  });
  running.push(witnessing);
  return witnessing;
}

/** Settles, and fails when that was for want of time. */
async function settle(witnessing: Witnessing, size: number): Promise<void> {
  const beganMs = Date.now();
  await witnessing.settle(size, LONG_MS);
  expect(Date.now() - beganMs).toBeLessThan(LONG_MS / 2);
}

/** Names of those who have verifiably cosigned the newest checkpoint that is given out. */
async function cosigners(policy: Policy, of = log): Promise<{ size: number; names: string[] }> {
  const published = await newestCheckpoint({ log: of.store, policy });
  const verified = await verifyCheckpoint(nodePrimitives, {
    note: published!.note,
    logKeys: await of.keys(),
    witnesses: policy.witnesses.map(({ key }) => key),
  });
  if ('code' in verified) throw new Error(verified.code);
  return { size: published!.size, names: verified.cosignedBy.map(({ key }) => key.name) };
}

describe('the witnessing of a log', () => {
  test('when the log grows, then every witness cosigns the newest head, and it is settled', async () => {
    const policy = await policyOf([await witness(1), await witness(2)]);
    const witnessing = witnessingOf(policy);
    witnessing.start();
    for (const [count, size] of [
      [1, 1],
      [2, 3],
      [700, 703],
    ] as const) {
      await log.grow(count);
      witnessing.wake(size);
      await settle(witnessing, size);
      const names = ['witness.example/w1', 'witness.example/w2'];
      expect(await cosigners(policy)).toEqual({ size, names });
    }
    expect(told.filter((one) => !one.startsWith('cosigned'))).toEqual([]);
  });

  test('when the log is empty, then nobody is asked', async () => {
    const one = await witness(1);
    const witnessing = witnessingOf(await policyOf([one]));
    witnessing.start();
    await witnessing.settle(1, 50);
    expect(one.asked()).toBe(0);
  });

  test('when the log grows all the time, then checkpoints get the quorum all the time', async () => {
    const delaysMs = [11, 17, 29];
    const witnesses = delaysMs.map(async (delayMs, index) => {
      const before = async () => await new Promise<void>((resolve) => setTimeout(resolve, delayMs));
      return await witness(index + 1, { before });
    });
    const policy = await policyOf(await Promise.all(witnesses));
    const witnessing = witnessingOf(policy);
    witnessing.start();
    let settled = 0;
    const untilMs = Date.now() + 1_000;
    let size = 0;
    const waiting: Promise<void>[] = [];
    while (Date.now() < untilMs) {
      ({ size } = await log.grow(1));
      witnessing.wake(size);
      waiting.push(witnessing.settle(size, LONG_MS).then(() => void (settled += 1)));
      await new Promise((resolve) => setTimeout(resolve, 2));
    }
    // While it grew, and not only at its end.
    expect(settled).toBeGreaterThan(size / 2);
    await Promise.all(waiting);
    expect((await cosigners(policy)).size).toBe(size);
    expect(told.filter((one) => !one.startsWith('cosigned'))).toEqual([]);
  });

  test('when the service is started again, then it learns from the witness what that has seen', async () => {
    const one = await witness(1);
    const policy = await policyOf([one]);
    const first = witnessingOf(policy);
    await log.grow(3);
    first.start();
    await settle(first, 3);
    await first.stop();
    await log.grow(4);
    const second = witnessingOf(policy);
    second.start();
    await settle(second, 7);
    expect(one.asked()).toBe(3);
    expect(told).toEqual(['cosigned 3', 'cosigned 7']);
  });

  test('when there is a cosignature already, then the witness is not asked again', async () => {
    const one = await witness(1);
    const policy = await policyOf([one]);
    const first = witnessingOf(policy);
    await log.grow(3);
    first.start();
    await settle(first, 3);
    const second = witnessingOf(policy);
    second.start();
    await settle(second, 3);
    expect(one.asked()).toBe(1);
  });

  test('when the witness was asked by another process about a newer head, then that one is cosigned', async () => {
    const one = await witness(1);
    const policy = await policyOf([one]);
    const held: (() => void)[] = [];
    const slow: WitnessChannel = {
      submit: async (...call) => {
        await new Promise<void>((resolve) => held.push(resolve));
        return await channel.submit(...call);
      },
    };
    const behind = witnessingOf(policy, { through: slow });
    await log.grow(3);
    behind.start();
    await until(() => expect(held).toHaveLength(1));
    await log.grow(2);
    const ahead = witnessingOf(policy);
    ahead.start();
    await settle(ahead, 5);
    held[0]!();
    await until(() => expect(held).toHaveLength(2));
    held[1]!();
    await until(() => expect(told).toHaveLength(2));
    expect(told).toEqual(['cosigned 5', 'cosigned 5']);
  });

  test('when nobody wakes it, then it looks by itself', async () => {
    const policy = await policyOf([await witness(1)]);
    const witnessing = witnessingOf(policy, { pollMs: 20 });
    witnessing.start();
    await log.grow(2);
    await until(() => expect(told).toEqual(['cosigned 2']));
  });

  test('when the policy asks for nobody, then everything is settled, and witnesses are asked all the same', async () => {
    const policy = await policyOf([await witness(1)], 'none');
    const witnessing = witnessingOf(policy);
    await log.grow(2);
    witnessing.start();
    await settle(witnessing, 2);
    await until(() => expect(told).toEqual(['cosigned 2']));
  });

  test('when a witness has no address, then the others are asked', async () => {
    const { key } = await testCosigner(9);
    const policy = await policyOf([{ key }, await witness(1)], 1);
    const witnessing = witnessingOf(policy);
    await log.grow(2);
    witnessing.start();
    await settle(witnessing, 2);
  });

  test('when the store fails, then that is reported, and it goes on when the store does', async () => {
    const policy = await policyOf([await witness(1)]);
    const witnessing = witnessingOf(policy, { pollMs: 20 });
    await log.grow(2);
    const { head } = log.store;
    log.store.head = () => Promise.reject(new Error('down'));
    witnessing.start();
    await until(() => expect(told).toContain('witnessing failed'));
    log.store.head = head;
    await settle(witnessing, 2);
  });

  test('when a cosignature cannot be kept, then it is asked for again', async () => {
    const policy = await policyOf([await witness(1)]);
    const witnessing = witnessingOf(policy);
    const { addCosignature } = log.store;
    log.store.addCosignature = () => {
      log.store.addCosignature = addCosignature;
      return Promise.reject(new Error('down'));
    };
    await log.grow(2);
    witnessing.start();
    await settle(witnessing, 2);
    expect(told).toEqual(['witnessing failed', 'cosigned 2']);
  });
});

describe('waiting for witnesses', () => {
  test('when the quorum does not come, then the wait ends with its time, and does not fail', async () => {
    const never = async () => await new Promise<void>(() => undefined);
    const policy = await policyOf([await witness(1), await witness(2, { before: never })]);
    const witnessing = witnessingOf(policy);
    await log.grow(1);
    witnessing.start();
    const beganMs = Date.now();
    await witnessing.settle(1, 200);
    const tookMs = Date.now() - beganMs;
    expect(tookMs).toBeGreaterThanOrEqual(190);
    expect(tookMs).toBeLessThan(1_000);
  });

  test('when it is stopped, then nobody waits any longer, and nothing is asked', async () => {
    const never = async () => await new Promise<void>(() => undefined);
    const one = await witness(1, { before: never });
    const witnessing = witnessingOf(await policyOf([one]));
    await log.grow(1);
    witnessing.start();
    const waiting = witnessing.settle(1, LONG_MS);
    await until(() => expect(one.asked()).toBe(1));
    await witnessing.stop();
    await waiting;
    await witnessing.settle(1, LONG_MS);
    witnessing.wake(2);
    expect(one.asked()).toBe(1);
    expect(told).toEqual([]);
  });

  test('when it was not started, then nothing is asked', async () => {
    const one = await witness(1);
    const witnessing = witnessingOf(await policyOf([one]));
    await log.grow(1);
    witnessing.wake(1);
    await witnessing.settle(1, 50);
    expect(one.asked()).toBe(0);
  });
});

describe('a witness that is not as it should be', () => {
  test('when one hangs and one is gone, then the quorum of the others comes at once, again and again', async () => {
    const hanging = await startReceiver();
    hanging.behave('hang');
    const gone = await witness(3);
    await gone.stop();
    const dead = await testCosigner(4);
    const witnesses = [await witness(1), await witness(2), { ...dead, url: hanging.origin }, gone];
    const policy = await policyOf(witnesses, 2);
    const witnessing = witnessingOf(policy, { retryMs: 50 });
    witnessing.start();
    for (let size = 1; size <= 20; size += 1) {
      await log.grow(1);
      witnessing.wake(size);
      const beganMs = Date.now();
      await settle(witnessing, size);
      expect(Date.now() - beganMs).toBeLessThan(300);
    }
    await until(() => expect(told).toContain('failed witness.example/w4 TIMEOUT'));
    expect(told).toContain('failed witness.example/w3 UNREACHABLE');
    await hanging.close();
  });

  test('when it fails again and again, then it is asked ever more seldom', async () => {
    const receiver = await startReceiver();
    receiver.behave({ status: 500 });
    const { key } = await testCosigner();
    const witnessing = witnessingOf(await policyOf([{ key, url: receiver.origin }]), {
      retryMs: 20,
    });
    await log.grow(1);
    witnessing.start();
    for (let count = 0; count < 40; count += 1) await witnessing.settle(1, 20);
    // 20, 40, 80, 160, 320 ms and more lie between them, however often it is woken.
    expect(receiver.received.length).toBeLessThanOrEqual(7);
    expect(receiver.received.length).toBeGreaterThanOrEqual(3);
    expect(told[0]).toBe('failed witness.example/w1 500');
    await receiver.close();
  });

  test('when it comes back, then it cosigns the newest head', async () => {
    let isDown = true;
    const one = await witness(1, {
      before: async () => {
        if (isDown) throw new Error('down');
      },
    });
    const policy = await policyOf([one]);
    const witnessing = witnessingOf(policy);
    witnessing.start();
    for (let size = 1; size <= 3; size += 1) {
      await log.grow(1);
      witnessing.wake(size);
      await until(() => expect(told.length).toBeGreaterThan(size));
    }
    isDown = false;
    await settle(witnessing, 3);
    expect(told.at(-1)).toBe('cosigned 3');
  });

  interface Answer {
    readonly status?: number;
    readonly contentType?: string;
    readonly body: (note: string) => string | Promise<string>;
  }

  /** A witness that answers as it likes. */
  async function lying(answer: Answer): Promise<{ policy: Policy; through: WitnessChannel }> {
    const { key } = await testCosigner();
    const through: WitnessChannel = {
      submit: async (_url, body) => {
        const note = Buffer.from(body).toString().split('\n\n').slice(1).join('\n\n');
        const { status = 200, contentType = 'text/plain' } = answer;
        return { status, contentType, body: await answer.body(note) };
      },
    };
    return { policy: await policyOf([{ key, url: 'https://witness.example/' }]), through };
  }

  /** What an honest witness of this number would sign under a note. */
  async function lineOf(number: number, note: string, atMs = Date.now()): Promise<string> {
    const cosigner = await testCosigner(number);
    return cosigner.cosign(note, Math.floor(atMs / 1_000));
  }

  const textOf = (note: string): string => `${note.split('\n\n')[0] ?? ''}\n`;
  const size = 'text/x.tlog.size';

  test.each<[string, Answer, string]>([
    ['nothing', { body: () => '' }, 'failed witness.example/w1 NO_COSIGNATURE'],
    ['nonsense', { body: () => '<html>' }, 'failed witness.example/w1 NO_COSIGNATURE'],
    [
      'the line of another key',
      { body: async (note) => await lineOf(2, textOf(note)) },
      'failed witness.example/w1 NO_COSIGNATURE',
    ],
    [
      'a signature over another checkpoint',
      { body: async (note) => await lineOf(1, textOf(note).replace('\n2\n', '\n3\n')) },
      'failed witness.example/w1 NO_COSIGNATURE',
    ],
    [
      'a right and a wrong signature',
      {
        body: async (note) =>
          (await lineOf(1, textOf(note))) +
          (await lineOf(1, textOf(note).replace('\n2\n', '\n3\n'))),
      },
      'failed witness.example/w1 NO_COSIGNATURE',
    ],
    [
      'more than lines',
      { body: async (note) => `${await lineOf(1, textOf(note))}\n` },
      'failed witness.example/w1 NO_COSIGNATURE',
    ],
    [
      'a time that is far ahead',
      { body: async (note) => await lineOf(1, textOf(note), Date.now() + 2 * 3_600_000) },
      'failed witness.example/w1 WRONG_TIME',
    ],
    ['404', { status: 404, body: () => '' }, 'failed witness.example/w1 404'],
    ['403', { status: 403, body: () => '' }, 'failed witness.example/w1 403'],
    ['422 to the first question', { status: 422, body: () => '' }, 'failed witness.example/w1 422'],
    ['a redirect', { status: 307, body: () => '' }, 'failed witness.example/w1 307'],
    [
      '409 without a size',
      { status: 409, contentType: size, body: () => 'x\n' },
      'failed witness.example/w1 409',
    ],
    ['409 of another type', { status: 409, body: () => '1\n' }, 'failed witness.example/w1 409'],
    [
      'the size that it was asked from',
      { status: 409, contentType: size, body: () => '0\n' },
      'failed witness.example/w1 409',
    ],
    [
      'a size that the log never had',
      { status: 409, contentType: size, body: () => '99\n' },
      'conflicted witness.example/w1',
    ],
    [
      'a size beyond all numbers',
      { status: 409, contentType: size, body: () => '99999999999999999999\n' },
      'failed witness.example/w1 409',
    ],
  ])('when it answers %s, then that is no cosignature', async (_what, answer, sentence) => {
    const { policy, through } = await lying(answer);
    const witnessing = witnessingOf(policy, { through, retryMs: 100_000 });
    await log.grow(2);
    witnessing.start();
    await until(() => expect(told).toEqual([sentence]));
    expect(log.store.cosignatures).toEqual([]);
  });

  test('when it sends lines of others beside its own, then its own is kept', async () => {
    const { policy, through } = await lying({
      body: async (note) => (await lineOf(2, textOf(note))) + (await lineOf(1, textOf(note))),
    });
    const witnessing = witnessingOf(policy, { through });
    await log.grow(2);
    witnessing.start();
    await settle(witnessing, 2);
    expect(log.store.cosignatures.map(({ line }) => line.split(' ')[1])).toEqual([
      'witness.example/w1',
    ]);
  });

  test('when its size is another one each time, then it is asked twice and then rests', async () => {
    let asked = 0;
    const { policy, through } = await lying({
      status: 409,
      contentType: size,
      body: () => `${((asked += 1)).toString()}\n`,
    });
    const witnessing = witnessingOf(policy, { through, retryMs: 100_000 });
    await log.grow(9);
    witnessing.start();
    await until(() => expect(told).toEqual(['failed witness.example/w1 409']));
    expect(asked).toBe(2);
  });
});

describe('a log that did not only grow', () => {
  const conflicted = 'conflicted witness.example/w1';
  let one: ServedWitness;
  let policy: Policy;

  /** The witness has cosigned six leaves. */
  beforeEach(async () => {
    one = await witness(1);
    policy = await policyOf([one]);
    const honest = witnessingOf(policy);
    await log.grow(4);
    await log.grow(2);
    honest.start();
    await settle(honest, 6);
    await honest.stop();
    told = [];
  });

  async function expectConflict(of: GrowingLog): Promise<void> {
    const witnessing = witnessingOf(policy, { of });
    witnessing.start();
    await until(() => expect(told.length).toBeGreaterThan(1));
    expect(new Set(told)).toEqual(new Set([conflicted]));
    expect(of.store.cosignatures).toEqual([]);
    expect(one.state.latest(log.origin)?.size).toBe(6);
    await witnessing.stop();
  }

  test.each([
    ['of the same size', 6],
    ['that is shorter', 5],
    ['that is longer', 9],
  ])(
    'when it is a fork %s, then it is not cosigned, and that is reported each time',
    async (_what, size) => {
      const fork = new GrowingLog();
      await fork.grow(size, 'other');
      await expectConflict(fork);
    },
  );

  test('when it was rolled back to an earlier state, then that is reported', async () => {
    const restored = new GrowingLog();
    await restored.grow(4);
    await expectConflict(restored);
  });

  test('when it was rolled back and has grown otherwise since, then that is reported', async () => {
    const restored = new GrowingLog();
    await restored.grow(4);
    await restored.grow(5, 'other');
    await expectConflict(restored);
  });

  test('when a leaf in the middle is missing, then that is reported', async () => {
    const truncated = new GrowingLog();
    await truncated.grow(3);
    await truncated.grow(1, 'skipped');
    await truncated.grow(4);
    await expectConflict(truncated);
  });

  test('when the true log comes back, then it is cosigned again', async () => {
    const fork = new GrowingLog();
    await fork.grow(7, 'other');
    await expectConflict(fork);
    const witnessing = witnessingOf(policy);
    await log.grow(1);
    witnessing.start();
    await settle(witnessing, 7);
    expect(told.at(-1)).toBe('cosigned 7');
  });
});
