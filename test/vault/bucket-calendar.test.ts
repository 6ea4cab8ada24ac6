import { describe, expect, test } from '@jest/globals';
import { dailyBuckets, monthlyBuckets } from '../../src/vault/buckets/bucket-calendar.js';

const days = dailyBuckets('callback');
const months = monthlyBuckets('review');
const HOUR_MS = 3_600_000;

describe('buckets of days', () => {
  test('when a day ends, then the next one begins, also where months and years turn', () => {
    const turns: [number, string, string][] = [
      [Date.UTC(2026, 10, 26), 'callback/2026-11-25', 'callback/2026-11-26'],
      [Date.UTC(2026, 11, 1), 'callback/2026-11-30', 'callback/2026-12-01'],
      [Date.UTC(2027, 0, 1), 'callback/2026-12-31', 'callback/2027-01-01'],
      [Date.UTC(2028, 2, 1), 'callback/2028-02-29', 'callback/2028-03-01'],
    ];
    for (const [turnMs, before, after] of turns) {
      expect([days.bucketOf(turnMs - 1), days.bucketOf(turnMs)]).toEqual([before, after]);
      expect(days.bucketFrom(turnMs - 1, 1)).toBe(after);
      expect(days.bucketFrom(turnMs + HOUR_MS, -1)).toBe(before);
      expect(days.endMs(before)).toBe(turnMs);
    }
  });

  test('when so many days have passed since its end, then a bucket is outdated, not a millisecond before', () => {
    const endMs = Date.UTC(2027, 0, 5);
    expect(days.isOutdated('callback/2026-11-25', endMs, 40)).toBe(true);
    expect(days.isOutdated('callback/2026-11-25', endMs - 1, 40)).toBe(false);
    expect(days.newestOutdated(endMs, 40, 2)).toEqual([
      'callback/2026-11-25',
      'callback/2026-11-24',
    ]);
    expect(days.newestOutdated(endMs - 1, 40, 1)).toEqual(['callback/2026-11-24']);
  });
});

describe('buckets of months', () => {
  test('when so many calendar months have passed, then a bucket is outdated, however long they were', () => {
    const endMs = Date.UTC(2027, 2, 1);
    expect(months.endMs('review/2026-11')).toBe(Date.UTC(2026, 11, 1));
    expect(months.isOutdated('review/2026-11', endMs, 3)).toBe(true);
    expect(months.isOutdated('review/2026-11', endMs - 1, 3)).toBe(false);
    expect(months.newestOutdated(endMs, 3, 3)).toEqual([
      'review/2026-11',
      'review/2026-10',
      'review/2026-09',
    ]);
  });
});

test.each([
  '',
  'callback',
  'callback/',
  'callback/2026-11',
  'callback/2026-11-31',
  'callback/2026-11-5',
  'callback/2026-11-25 ',
  'callback/2026-11-25T00:00:00Z',
  'review/2026-11',
  'reviewed/2026-11-25',
  'service',
])('when a bucket is called "%s", then it is no day and never outdated', (bucket) => {
  expect(days.endMs(bucket)).toBeUndefined();
  expect(days.isOutdated(bucket, Date.UTC(2100, 0, 1), 1)).toBe(false);
});
