import { beforeAll, describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import type { Cosignature } from '../../src/audit/log-store.js';
import type { Policy } from '../../src/audit/offline/policy.js';
import {
  checkpointCovering,
  newestCheckpoint,
} from '../../src/audit/witness/published-checkpoint.js';
import { MemoryLog } from '../support/memory-log.js';
import { policyOf, testCosigner } from '../support/witness.js';

const WITNESSES = [1, 2, 3];
let vkeys: string[];
/** Two of the three witnesses must have cosigned. */
let twoOfThree: Policy;
let nobody: Policy;

beforeAll(async () => {
  const witnesses = await Promise.all(WITNESSES.map(testCosigner));
  vkeys = witnesses.map(({ key }) => key.vkey);
  twoOfThree = await policyOf(witnesses, 2);
  nobody = await policyOf(witnesses, 'none');
});

/** Counts what is read of it. */
class CountedLog extends MemoryLog {
  cosignaturesRead = 0;

  override async readCosignatures(
    fromSize: number,
    limit: number,
  ): Promise<readonly Cosignature[]> {
    const found = await super.readCosignatures(fromSize, limit);
    this.cosignaturesRead += found.length;
    return found;
  }
}

const checkpointOf = (size: number): string => `checkpoint ${size.toString()}\n`;
const lineOf = (number: number, size: number): string => `w${number} ${size.toString()}\n`;

/** A log with a checkpoint of each of these sizes; of no matter are leaves and signatures. */
function logOf(sizes: readonly number[]): CountedLog {
  const log = new CountedLog();
  const nothing = { bundle: new Uint8Array(0), frontier: new Uint8Array(0) };
  log.segments = sizes.map((size, index) => ({
    ...nothing,
    start: sizes[index - 1] ?? 0,
    size,
    checkpoint: checkpointOf(size),
  }));
  return log;
}

/** Numbers of witnesses that have cosigned a size; 4 is in no policy. */
function cosign(log: MemoryLog, size: number, ...numbers: readonly number[]): void {
  for (const number of numbers) {
    const witness = vkeys[number - 1] ?? 'stranger.example/w+00000000+x';
    log.cosignatures.push({ size, witness, line: lineOf(number, size) });
  }
}

function published(size: number, ...numbers: readonly number[]) {
  const lines = numbers.map((number) => lineOf(number, size));
  return { size, note: checkpointOf(size) + lines.join('') };
}

const upTo = (end: number): number[] => Array.from({ length: end }, (_, index) => index + 1);

describe('the newest checkpoint', () => {
  test('when the log is empty, then there is none', async () => {
    const log = logOf([]);
    expect(await newestCheckpoint({ log })).toBeUndefined();
    expect(await newestCheckpoint({ log, policy: twoOfThree })).toBeUndefined();
  });

  test('when there is no policy, then it is the head as the log signed it', async () => {
    const log = logOf([2, 5]);
    cosign(log, 5, 1);
    expect(await newestCheckpoint({ log })).toEqual(published(5));
  });

  test('when nobody needs to cosign, then it is the head with what there is', async () => {
    const log = logOf([2, 5]);
    cosign(log, 2, 1, 2);
    cosign(log, 5, 3);
    expect(await newestCheckpoint({ log, policy: nobody })).toEqual(published(5, 3));
  });

  test('when none has the quorum, then it is the head with what there is', async () => {
    const log = logOf([2, 5]);
    expect(await newestCheckpoint({ log, policy: twoOfThree })).toEqual(published(5));
    cosign(log, 5, 2, 4);
    expect(await newestCheckpoint({ log, policy: twoOfThree })).toEqual(published(5, 2));
  });

  test('when an older one has the quorum, then it is that one, in the order of the policy', async () => {
    const log = logOf([2, 5, 9]);
    cosign(log, 2, 1, 2, 3);
    cosign(log, 5, 3, 4, 1);
    cosign(log, 9, 2);
    expect(await newestCheckpoint({ log, policy: twoOfThree })).toEqual(published(5, 1, 3));
  });

  test('when cosignatures are of sizes that are no checkpoints, then it is the head', async () => {
    const log = logOf([2, 5]);
    cosign(log, 4, 1, 2);
    cosign(log, 77, 1, 2);
    expect(await newestCheckpoint({ log, policy: twoOfThree })).toEqual(published(5));
  });

  test('when a witness was missing for 20,000 checkpoints, then the last before is found by few rows', async () => {
    const log = logOf(upTo(30_000));
    for (const size of upTo(30_000)) cosign(log, size, 1, ...(size <= 9_876 ? [2] : []));
    log.cosignaturesRead = 0;
    const newest = await newestCheckpoint({ log, policy: twoOfThree });
    expect(newest).toEqual(published(9_876, 1, 2));
    expect(log.cosignaturesRead).toBeLessThan(20_000);
  });

  test('when the quorum came today, then only a few rows are read', async () => {
    const log = logOf(upTo(5_000));
    for (const size of upTo(5_000)) cosign(log, size, 1, 2, 3);
    expect(await newestCheckpoint({ log, policy: twoOfThree })).toEqual(published(5_000, 1, 2, 3));
    expect(log.cosignaturesRead).toBeLessThan(10);
  });

  test('when nothing has the quorum among many, then the search ends', async () => {
    const log = logOf(upTo(20_000));
    for (const size of upTo(20_000)) cosign(log, size, 1);
    expect(await newestCheckpoint({ log, policy: twoOfThree })).toEqual(published(20_000, 1));
    expect(log.cosignaturesRead).toBeLessThan(20_000);
  });

  test('when more witnesses than fit a page were there once, then the search ends', async () => {
    const log = logOf([1, 2, 3]);
    cosign(log, 1, 1, 2);
    for (let number = 0; number < 600; number += 1)
      log.cosignatures.push({ size: 2, witness: `a${number.toString()}`, line: 'x\n' });
    expect(await newestCheckpoint({ log, policy: twoOfThree })).toEqual(published(1, 1, 2));
  });
});

describe('the checkpoint that covers a leaf', () => {
  test('when the log ends before the leaf, then there is none', async () => {
    const log = logOf([2, 5]);
    expect(await checkpointCovering({ log, policy: twoOfThree }, 5)).toBeUndefined();
    expect(await checkpointCovering({ log }, 5)).toBeUndefined();
  });

  test.each([
    [0, 2],
    [1, 2],
    [2, 5],
    [4, 5],
  ])('when there is no policy, then leaf %d is under checkpoint %d', async (index, size) => {
    const log = logOf([2, 5]);
    cosign(log, 2, 1, 2);
    expect(await checkpointCovering({ log }, index)).toEqual(published(size));
  });

  test('when a later one has the quorum, then it is the first of these, and it stays', async () => {
    const log = logOf([2, 5, 9, 12]);
    cosign(log, 2, 3);
    expect(await checkpointCovering({ log, policy: twoOfThree }, 1)).toEqual(published(2, 3));
    cosign(log, 9, 2, 1);
    expect(await checkpointCovering({ log, policy: twoOfThree }, 1)).toEqual(published(9, 1, 2));
    cosign(log, 12, 1, 2, 3);
    expect(await checkpointCovering({ log, policy: twoOfThree }, 1)).toEqual(published(9, 1, 2));
    expect(await checkpointCovering({ log, policy: twoOfThree }, 10)).toEqual(
      published(12, 1, 2, 3),
    );
  });

  test('when the checkpoint just before the leaf has the quorum, then it does not count', async () => {
    const log = logOf([2, 5]);
    cosign(log, 2, 1, 2);
    expect(await checkpointCovering({ log, policy: twoOfThree }, 2)).toEqual(published(5));
  });

  test('when nobody needs to cosign, then it is the first with what there is', async () => {
    const log = logOf([2, 5]);
    cosign(log, 2, 2);
    expect(await checkpointCovering({ log, policy: nobody }, 0)).toEqual(published(2, 2));
  });

  test('when a witness was missing for 5,000 checkpoints, then it is the first after that', async () => {
    const log = logOf(upTo(6_000));
    for (const size of upTo(6_000)) cosign(log, size, 1, ...(size > 5_000 ? [2] : []));
    const covering = await checkpointCovering({ log, policy: twoOfThree }, 10);
    expect(covering).toEqual(published(5_001, 1, 2));
  });

  test('when the quorum never comes, then the search ends', async () => {
    const log = logOf(upTo(20_000));
    for (const size of upTo(20_000)) cosign(log, size, 1);
    expect(await checkpointCovering({ log, policy: twoOfThree }, 0)).toEqual(published(1, 1));
    expect(log.cosignaturesRead).toBeLessThan(17_000);
  });
});

describe('any log', () => {
  const steps = fc.array(
    fc.record({
      leaves: fc.integer({ min: 1, max: 40 }),
      by: fc.subarray([1, 2, 3, 4]),
    }),
    { minLength: 1, maxLength: 40 },
  );

  test('when checkpoints were cosigned by anybody, then both are what a look at every one finds', async () => {
    await fc.assert(
      fc.asyncProperty(steps, fc.nat(), async (grown, anywhere) => {
        let size = 0;
        const sizes = grown.map(({ leaves }) => (size += leaves));
        const log = logOf(sizes);
        const by = new Map(sizes.map((at, step) => [at, grown[step]!.by]));
        for (const [at, numbers] of by) cosign(log, at, ...numbers);
        const known = (at: number) => by.get(at)!.filter((number) => number <= 3);
        const settled = sizes.filter((at) => known(at).length >= 2);
        const index = anywhere % size;
        const covering = sizes.filter((at) => at > index);
        const newest = settled.at(-1) ?? size;
        const first = settled.find((at) => at > index) ?? covering[0]!;
        expect(await newestCheckpoint({ log, policy: twoOfThree })).toEqual(
          published(newest, ...known(newest)),
        );
        expect(await checkpointCovering({ log, policy: twoOfThree }, index)).toEqual(
          published(first, ...known(first)),
        );
      }),
      { numRuns: 300 },
    );
  });
});
