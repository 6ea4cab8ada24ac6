/** Divides what is sealed into buckets, each of which ends as a whole; all times are UTC. */
export interface BucketCalendar {
  /** The bucket of a time, e.g. `review/2026-11`. */
  bucketOf(atMs: number): string;
  /** The bucket of the period that is so many after that of a time; before it when negative. */
  bucketFrom(atMs: number, periods: number): string;
  /** The first moment after the period of a bucket; undefined for a bucket of no such calendar. */
  endMs(bucket: string): number | undefined;
  /** Whether the period of a bucket ended at least so many periods ago. */
  isOutdated(bucket: string, nowMs: number, keptPeriods: number): boolean;
  /** The buckets of the `count` newest periods that are outdated, whether they exist or not. */
  newestOutdated(nowMs: number, keptPeriods: number, count: number): readonly string[];
}

/** A bucket for each month: `name/2026-11`. */
export function monthlyBuckets(name: string): BucketCalendar {
  return calendar(name, {
    form: '2026-11',
    startMs: (at, later) => Date.UTC(at.getUTCFullYear(), at.getUTCMonth() + later),
  });
}

/** A bucket for each day: `name/2026-11-25`. */
export function dailyBuckets(name: string): BucketCalendar {
  return calendar(name, {
    form: '2026-11-25',
    startMs: (at, later) =>
      Date.UTC(at.getUTCFullYear(), at.getUTCMonth(), at.getUTCDate() + later),
  });
}

interface Periods {
  /** As much of ISO 8601 as tells one period from the next. */
  readonly form: string;
  /** The first moment of the period that is so many after that of a time. */
  startMs(at: Date, periodsLater: number): number;
}

function calendar(name: string, periods: Periods): BucketCalendar {
  const prefix = `${name}/`;
  const startMs = (atMs: number, later: number) => periods.startMs(new Date(atMs), later);
  const bucketOf = (atMs: number) =>
    prefix + new Date(atMs).toISOString().slice(0, periods.form.length);
  const bucketFrom = (atMs: number, later: number) => bucketOf(startMs(atMs, later));
  const endMs = (bucket: string) => {
    const atMs = Date.parse(bucket.slice(prefix.length));
    const isOne = !Number.isNaN(atMs) && bucketOf(atMs) === bucket;
    return isOne ? startMs(atMs, 1) : undefined;
  };
  return {
    bucketOf,
    bucketFrom,
    endMs,
    isOutdated: (bucket, nowMs, keptPeriods) => {
      const endedMs = endMs(bucket);
      return endedMs !== undefined && startMs(endedMs, keptPeriods) <= nowMs;
    },
    newestOutdated: (nowMs, keptPeriods, count) =>
      Array.from({ length: count }, (_, older) => bucketFrom(nowMs, -keptPeriods - 1 - older)),
  };
}
