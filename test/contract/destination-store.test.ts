import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { afterFailure, type Failure } from '../../src/callbacks/destination-health.js';
import type { DestinationHealth, DestinationStore } from '../../src/callbacks/destination-store.js';
import { DAY_MS } from '../../src/lib/clock.js';
import { openTestStore, type TestStore } from '../support/stores.js';
import { concurrently, DIFFICULT_TEXT, NOW_MS } from './samples.js';

const destination = { tenantId: 'tenant', origin: 'https://receiver.example' };
const other = { tenantId: 'tenant', origin: 'https://other.example' };
const foreign = { ...destination, tenantId: 'another' };

let opened: TestStore;
let destinations: DestinationStore;

beforeEach(async () => {
  opened = await openTestStore();
  destinations = opened.store.destinations;
});

afterEach(async () => {
  await opened.destroy();
});

async function fail(members: Partial<Failure> = {}): Promise<DestinationHealth> {
  const failure = { ...destination, atMs: NOW_MS, outcome: '500', ...members };
  return await destinations.update(failure, (before) => afterFailure(before, failure));
}

describe('the health of destinations', () => {
  test('when failures are recorded, then they add up until something is delivered', async () => {
    const first = await fail();
    expect(first).toEqual({
      ...destination,
      failingSinceMs: NOW_MS,
      lastFailureAtMs: NOW_MS,
      lastOutcome: '500',
      failures: 1,
      pauses: 0,
    });
    const overload = { askedMs: 0, firstPauseMs: 10, longestPauseMs: 100 };
    const second = await fail({ atMs: NOW_MS + 5, outcome: 'TIMEOUT', overload });
    expect(second).toEqual({
      ...destination,
      failingSinceMs: NOW_MS,
      lastFailureAtMs: NOW_MS + 5,
      lastOutcome: 'TIMEOUT',
      failures: 2,
      pauses: 1,
      pausedUntilMs: NOW_MS + 15,
    });
    destinations = (await opened.reopen()).destinations;
    expect(await destinations.list()).toEqual([second]);
    await destinations.recordSuccess(destination);
    await destinations.recordSuccess(destination);
    expect(await destinations.list()).toEqual([]);
  });

  test('when many failures are recorded at once, then each is counted', async () => {
    await concurrently(8, () => fail());
    expect(await destinations.list()).toMatchObject([{ failures: 8 }]);
  });

  test('when a destination is disabled, then one call did it, and no success enables it', async () => {
    await fail();
    const disabled = await concurrently(5, () =>
      destinations.disable({ ...destination, atMs: NOW_MS + 1, because: 'GONE' }),
    );
    expect(disabled.filter(Boolean)).toHaveLength(1);
    await destinations.recordSuccess(destination);
    await fail({ atMs: NOW_MS + 9 * DAY_MS });
    const expected = { disabledAtMs: NOW_MS + 1, disabledBecause: 'GONE', failures: 2 };
    expect(await destinations.list()).toMatchObject([expected]);
    expect(await destinations.removeQuietSince(NOW_MS + 99 * DAY_MS, 10)).toBe(0);
    expect(await destinations.enable(destination)).toBe(true);
    expect(await destinations.enable(destination)).toBe(false);
    expect(await destinations.list()).toEqual([]);
  });

  test('when nothing is known of a destination, then it cannot be disabled', async () => {
    const unknown = { ...destination, atMs: NOW_MS, because: 'GONE' } as const;
    expect(await destinations.disable(unknown)).toBe(false);
    expect(await destinations.list()).toEqual([]);
  });

  test('when a tenant is named, then its destinations alone are listed, and changing one leaves the others', async () => {
    const strange = { ...destination, origin: DIFFICULT_TEXT };
    for (const which of [destination, other, foreign, strange]) await fail(which);
    const origins = (await destinations.list('tenant')).map(({ origin }) => origin);
    expect(origins.sort()).toEqual([destination.origin, other.origin, strange.origin].sort());
    await destinations.recordSuccess(destination);
    await destinations.enable(other);
    expect(await destinations.list()).toHaveLength(2);
    expect(await destinations.list('another')).toMatchObject([foreign]);
  });

  test('when old failures are removed, then at most the limit go, the recent ones stay', async () => {
    for (const atMs of [1, 2, 3]) await fail({ origin: atMs.toString(), atMs });
    await fail({ atMs: 4 });
    expect(await destinations.removeQuietSince(4, 2)).toBe(2);
    expect(await destinations.removeQuietSince(4, 2)).toBe(1);
    expect(await destinations.list()).toMatchObject([destination]);
  });
});
