const MONTH = /^review\/(?<year>\d{4})-(?<month>\d{2})$/;

/** The bucket of review records of a time: its month in UTC, `review/2026-11`. */
export function bucketOf(atMs: number): string {
  return `review/${new Date(atMs).toISOString().slice(0, 7)}`;
}

/** The bucket of the month after that of a time. */
export function bucketAfter(atMs: number): string {
  return bucketOf(monthStartMs(atMs, 1));
}

/** The first moment after the month of a bucket; undefined for a bucket that is no month. */
export function monthEndMs(bucket: string): number | undefined {
  const parts = MONTH.exec(bucket)?.groups;
  return parts && Date.UTC(Number(parts['year']), Number(parts['month']));
}

/** Whether the month of a bucket ended at least so many calendar months ago. */
export function isOutdated(bucket: string, nowMs: number, keptMonths: number): boolean {
  const endMs = monthEndMs(bucket);
  return endMs !== undefined && monthStartMs(endMs, keptMonths) <= nowMs;
}

/** The buckets of the `count` newest months that are outdated, whether they exist or not. */
export function newestOutdated(nowMs: number, keptMonths: number, count: number): string[] {
  return Array.from({ length: count }, (_, older) =>
    bucketOf(monthStartMs(nowMs, -keptMonths - 1 - older)),
  );
}

/** The first moment of the month that is so many months after that of a time. */
function monthStartMs(atMs: number, monthsLater: number): number {
  const at = new Date(atMs);
  return Date.UTC(at.getUTCFullYear(), at.getUTCMonth() + monthsLater);
}
