import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import type { LogStore } from '../../src/audit/log-store.js';
import { newEntry } from '../../src/audit/reviews/record.js';
import { BATCH_LIMIT, Sequencer, type SequencerTiming } from '../../src/audit/sequencer.js';
import { systemClock } from '../../src/lib/clock.js';
import type { Store } from '../../src/operations/unit-of-work.js';
import { openSqliteStore } from '../../src/store/sqlite/open.js';
import { expectSoundLog, firstKey, forgetfulReviews, testKeyring } from './sound-log.js';

const clock = systemClock;
const keyring = testKeyring();
let dataDir: string;
let store: Store;
let sequencers: Sequencer[];
let sequenced: number[];
let extended: number[];
let failures: unknown[];

beforeEach(async () => {
  dataDir = mkdtempSync(join(tmpdir(), 'lethe-sequencer-'));
  store = await openSqliteStore({ dataDir });
  await store.logKeys.insert(firstKey(keyring));
  sequencers = [];
  sequenced = [];
  extended = [];
  failures = [];
});

afterEach(async () => {
  for (const sequencer of sequencers) await sequencer.stop();
  await store.close();
  rmSync(dataDir, { recursive: true, force: true });
});

function sequencerOn(log: LogStore, timing: Partial<SequencerTiming> = {}): Sequencer {
  const sequencer = new Sequencer({
    log,
    keyring,
    clock,
    onExtended: (size) => extended.push(size),
    timing: { retryMs: 1, ...timing },
    watch: {
      entriesSequenced: ({ count }) => sequenced.push(count),
      workerFailed: ({ error }) => failures.push(error),
    },
  });
  sequencers.push(sequencer);
  return sequencer;
}

/** The real store with some rounds held up or made to fail. */
function logWith(before: (round: number) => Promise<void>): LogStore {
  let round = 0;
  return {
    ...store.log,
    sequence: async (limit, extend) => {
      round += 1;
      await before(round);
      return await store.log.sequence(limit, extend);
    },
  };
}

async function append(count = 1): Promise<void> {
  await store.transaction(async ({ audit }) => {
    for (let index = 0; index < count; index += 1) {
      await audit.append(
        newEntry(
          { clock, reviews: forgetfulReviews },
          { op: 'VERIFY', outcome: 'created', tenantId: 'demo' },
        ),
      );
    }
  });
}

async function size(): Promise<number> {
  return (await store.log.head())?.size ?? 0;
}

async function expectSound(entries: number): Promise<void> {
  const segments = await store.log.readSegments(0, 1_000);
  expect(expectSoundLog(segments, await store.logKeys.list())).toHaveLength(entries);
}

describe('the sequencer', () => {
  test('when a call settles, then every entry that was committed before it is in the log', async () => {
    const sequencer = sequencerOn(store.log);
    for (let count = 1; count <= 3; count += 1) {
      await append();
      await sequencer.settle();
      expect(await size()).toBe(count);
    }
    await expectSound(3);
  });

  test('when more is pending than one batch holds, then a call settles after the last of it', async () => {
    await append(BATCH_LIMIT + 3);
    await sequencerOn(store.log).settle();
    expect(sequenced).toEqual([BATCH_LIMIT, 3]);
    expect(extended).toEqual([BATCH_LIMIT, BATCH_LIMIT + 3]);
    await expectSound(BATCH_LIMIT + 3);
  });

  test('when exactly one batch is pending, then it is moved and nothing is signed twice', async () => {
    await append(BATCH_LIMIT);
    await sequencerOn(store.log).settle();
    expect(sequenced).toEqual([BATCH_LIMIT]);
    expect(extended).toEqual([BATCH_LIMIT]);
    await expectSound(BATCH_LIMIT);
  });

  test('when calls come during a run, then they share the next one, for the run may have missed their entries', async () => {
    let letGo: () => void = () => undefined;
    const held = new Promise<void>((resolve) => {
      letGo = resolve;
    });
    let rounds = 0;
    const log = logWith(async (round) => {
      rounds = round;
      if (round === 1) await held;
    });
    const slow: LogStore = {
      ...log,
      // The first run looks at the pending list before it is held up.
      sequence: async (limit, extend) => {
        if (rounds > 0) return await log.sequence(limit, extend);
        const moved = await store.log.sequence(limit, extend);
        await log.sequence(limit, extend);
        return moved;
      },
    };
    const sequencer = sequencerOn(slow);
    await append();
    const settled: string[] = [];
    const first = sequencer.settle().then(() => settled.push('first'));
    while (rounds === 0) await new Promise((resolve) => setImmediate(resolve));
    await append();
    const others = Array.from({ length: 20 }, () =>
      sequencer.settle().then(() => settled.push('other')),
    );
    expect(settled).toEqual([]);
    letGo();
    await first;
    await Promise.all(others);
    expect(rounds).toBe(2);
    expect(await size()).toBe(2);
  });

  test('when a crash left entries pending, then the start sequences them, once', async () => {
    await append(5);
    await store.close();
    store = await openSqliteStore({ dataDir });
    const sequencer = sequencerOn(store.log);
    sequencer.start();
    await sequencer.settle();
    await expectSound(5);
  });

  test('when nobody waits for an entry, then it is found by looking', async () => {
    const sequencer = sequencerOn(store.log, { pollMs: 5 });
    sequencer.start();
    await append(2);
    while ((await size()) < 2) await new Promise((resolve) => setTimeout(resolve, 5));
    await expectSound(2);
  });

  test('when several sequencers share a store, then the log has no gap and no fork', async () => {
    const second = await openSqliteStore({ dataDir });
    try {
      const both = [sequencerOn(store.log), sequencerOn(second.log)];
      await Promise.all(
        Array.from({ length: 40 }, async (_, index) => {
          await append();
          await both[index % 2]?.settle();
        }),
      );
      await both[1]?.stop();
    } finally {
      await second.close();
    }
    await expectSound(40);
  });

  test('when nothing is pending, then nothing is signed and nobody is told', async () => {
    await sequencerOn(store.log).settle();
    expect(extended).toEqual([]);
    expect(await store.log.head()).toBeUndefined();
  });

  test('when the store asks twice for a round, then what is told is the size that it kept', async () => {
    const log: LogStore = {
      ...store.log,
      sequence: async (limit, extend) =>
        await store.log.sequence(limit, (state, pending) => {
          // As after a conflict with another process, which had more.
          extend(state, [...pending, ...pending]);
          return extend(state, pending);
        }),
    };
    await append(2);
    await sequencerOn(log).settle();
    expect(extended).toEqual([2]);
    await expectSound(2);
  });

  test('when the end of the log is not what was signed, then nothing is appended and the call is refused', async () => {
    await append();
    await sequencerOn(store.log).settle();
    const damaged: LogStore = {
      ...store.log,
      sequence: async (limit, extend) =>
        await store.log.sequence(limit, ({ head, keys }, pending) => {
          const frontier = Uint8Array.from(head!.frontier).reverse();
          return extend({ head: { ...head!, frontier }, keys }, pending);
        }),
    };
    await append();
    const settled = sequencerOn(damaged, { failuresUntilRefusal: 2 }).settle();
    await expect(settled).rejects.toMatchObject({ code: 'UNAVAILABLE' });
    expect(failures).toHaveLength(2);
    await sequencerOn(store.log).settle();
    await expectSound(2);
  });

  test('when the store fails for a while, then the call is retried and settles', async () => {
    const sequencer = sequencerOn(
      logWith(async (round) => {
        if (round < 4) throw new Error('the store is away');
      }),
    );
    await append();
    await sequencer.settle();
    expect(failures).toHaveLength(3);
    await expectSound(1);
  });

  test('when the store keeps failing, then the call is refused, and the entry is sequenced once the store is back', async () => {
    let isAway = true;
    const sequencer = sequencerOn(
      logWith(async () => {
        if (isAway) throw new Error('the store is away');
      }),
      { failuresUntilRefusal: 3 },
    );
    await append();
    await expect(sequencer.settle()).rejects.toMatchObject({ code: 'UNAVAILABLE' });
    expect(failures).toHaveLength(3);
    isAway = false;
    await sequencer.settle();
    await expectSound(1);
  });

  test('when the sequencer stops, then it sequences what is pending and refuses later calls', async () => {
    const sequencer = sequencerOn(store.log);
    sequencer.start();
    await append(3);
    await sequencer.stop();
    expect(await size()).toBe(3);
    await expect(sequencer.settle()).rejects.toMatchObject({ code: 'UNAVAILABLE' });
  });

  test('when the sequencer stops while the store fails, then it does not wait for a retry', async () => {
    const sequencer = sequencerOn(
      logWith(async () => {
        throw new Error('the store is away');
      }),
      { retryMs: 3_600_000, maxRetryMs: 3_600_000 },
    );
    await append();
    const refused = expect(sequencer.settle()).rejects.toMatchObject({ code: 'UNAVAILABLE' });
    await sequencer.stop();
    await refused;
    expect(await size()).toBe(0);
  });
});
