import { createHash } from 'node:crypto';

/** A number from 0 up to 1 that depends on the seed and these words alone. */
export function draw(seed: string, ...words: readonly (string | number)[]): number {
  const digest = createHash('sha256')
    .update(JSON.stringify([seed, ...words]))
    .digest();
  return digest.readUInt32BE(0) / 2 ** 32;
}

/** The number at this share of the way. */
export function between([low, high]: readonly [number, number], share: number): number {
  return low + (high - low) * share;
}

/** The entry that a share from 0 up to 1 falls on, when each is as wide as its weight. */
export function pick<T>(weighted: readonly (readonly [T, number])[], share: number): T {
  const [[last]] = weighted.slice(-1) as [readonly [T, number]];
  let left = share * weighted.reduce((sum, [, weight]) => sum + weight, 0);
  for (const [value, weight] of weighted) {
    left -= weight;
    if (left < 0) return value;
  }
  return last;
}
