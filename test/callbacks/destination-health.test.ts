import { describe, expect, test } from '@jest/globals';
import {
  afterFailure,
  type Failure,
  isGivenUp,
  verdictOf,
} from '../../src/callbacks/destination-health.js';
import type { DestinationHealth } from '../../src/callbacks/destination-store.js';
import { overloadPauses } from '../../src/callbacks/retry-schedule.js';
import type { SendResult } from '../../src/callbacks/webhook-sender.js';
import { DAY_MS, HOUR_MS } from '../../src/lib/clock.js';

const T0 = 1_800_000_000_000;
const destination = { tenantId: 'tenant', origin: 'https://receiver.example' };
const overload = { askedMs: 0, firstPauseMs: 1_000, longestPauseMs: 300_000 };

function fail(before: DestinationHealth | undefined, members: Partial<Failure>): DestinationHealth {
  return afterFailure(before, { ...destination, atMs: T0, outcome: '503', ...members });
}

function answered(status: number, rest: Partial<SendResult> = {}): SendResult {
  return { kind: 'answered', status, ...rest } as SendResult;
}

describe('what an answer says of its destination', () => {
  test.each([
    [answered(200), { kind: 'healthy' }],
    [answered(299), { kind: 'healthy' }],
    [answered(302), { kind: 'failing' }],
    [answered(404), { kind: 'failing' }],
    [answered(410), { kind: 'gone' }],
    [answered(500), { kind: 'failing' }],
    [answered(500, { isAborted: true }), { kind: 'nothing' }],
    [answered(429, { retryAfterSeconds: 7 }), { kind: 'failing', overload: { askedMs: 7_000 } }],
    [answered(502), { kind: 'failing', overload: { askedMs: 0 } }],
    [answered(503), { kind: 'failing', overload: { askedMs: 0 } }],
    [answered(504), { kind: 'failing', overload: { askedMs: 0 } }],
    [{ kind: 'failed', code: 'TIMEOUT' } as const, { kind: 'failing' }],
    [{ kind: 'failed', code: 'BLOCKED_ADDRESS' } as const, { kind: 'failing' }],
    [{ kind: 'failed', code: 'CLOSED' } as const, { kind: 'nothing' }],
  ])('when the result is %j, then the verdict is %j', (result, verdict) => {
    expect(verdictOf(result)).toEqual(verdict);
  });
});

describe('the pause of an overloaded destination', () => {
  test('when it is overloaded again after each pause, then the pause doubles up to its limit', () => {
    let health: DestinationHealth | undefined;
    let atMs = T0;
    const pausesMs = Array.from({ length: 11 }, () => {
      health = fail(health, { atMs, overload });
      const pauseMs = (health.pausedUntilMs ?? 0) - atMs;
      atMs += pauseMs;
      return pauseMs / 1_000;
    });
    expect(pausesMs).toEqual([1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300]);
  });

  test('when many attempts of one moment fail, then it is one pause', () => {
    let health = fail(undefined, { overload });
    for (let ms = 1; ms < 16; ms += 1) health = fail(health, { atMs: T0 + ms, overload });
    expect(health).toMatchObject({ failures: 16, pauses: 1, pausedUntilMs: T0 + 15 + 1_000 });
  });

  test('when it asks for a pause, then it gets it, up to an hour, and no failure shortens it', () => {
    const asked = fail(undefined, { overload: { ...overload, askedMs: 60_000 } });
    expect(asked.pausedUntilMs).toBe(T0 + 60_000);
    expect(fail(asked, { overload }).pausedUntilMs).toBe(T0 + 60_000);
    expect(fail(asked, {}).pausedUntilMs).toBe(T0 + 60_000);
    const greedy = fail(undefined, { overload: { ...overload, askedMs: 99 * DAY_MS } });
    expect(greedy.pausedUntilMs).toBe(T0 + HOUR_MS);
  });

  test('when it fails without being overloaded, then it is not paused', () => {
    expect(fail(undefined, {})).not.toHaveProperty('pausedUntilMs');
  });

  test('when the schedule is that of a test, then the pauses are as short', () => {
    const random = (): number => 0.5;
    expect(overloadPauses({ delaysMs: [0, 50, 200], random })).toEqual({
      firstPauseMs: 50,
      longestPauseMs: 1_000,
    });
    expect(overloadPauses({ delaysMs: [0], random })).toEqual({
      firstPauseMs: 1_000,
      longestPauseMs: 1_000,
    });
    expect(overloadPauses({ delaysMs: [0, 5_000, DAY_MS], random })).toEqual({
      firstPauseMs: 1_000,
      longestPauseMs: 300_000,
    });
  });
});

describe('giving up', () => {
  test('when it fails again and again for five days, then it is given up, and not before', () => {
    let health = fail(undefined, {});
    for (let day = 1; day < 5; day += 1) health = fail(health, { atMs: T0 + day * DAY_MS });
    expect(isGivenUp(health)).toBe(false);
    expect(isGivenUp(fail(health, { atMs: T0 + 5 * DAY_MS }))).toBe(true);
  });

  test('when it failed long ago and nothing was sent since, then the count begins anew', () => {
    const old = fail(undefined, {});
    const fresh = fail(old, { atMs: T0 + 6 * DAY_MS });
    expect(fresh).toMatchObject({ failingSinceMs: T0 + 6 * DAY_MS, failures: 1 });
    expect(isGivenUp(fresh)).toBe(false);
  });

  test('when it is disabled, then no failure makes that forgotten', () => {
    const disabled = { ...fail(undefined, {}), disabledAtMs: T0, disabledBecause: 'GONE' as const };
    expect(fail(disabled, { atMs: T0 + 99 * DAY_MS })).toMatchObject({ disabledBecause: 'GONE' });
  });
});
