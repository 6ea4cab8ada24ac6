import type { LogExtension, LogHead } from '../audit/log-store.js';

/**
 * Throws when the segment does not join the head, or does not hold as many leaves as are moved: a
 * log with a gap, or with two leaves in one place, can never be made good again.
 */
export function requireFit(
  { segment }: LogExtension,
  to: { head: LogHead | undefined; count: number },
): void {
  const start = to.head?.size ?? 0;
  const isFit = to.count > 0 && segment.start === start && segment.size === start + to.count;
  if (!isFit) throw new Error('The extension of the log does not fit its head.');
}
