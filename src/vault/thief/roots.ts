import type { SecretBytes } from '../../crypto/secret-bytes.js';
import { rootKeyOf } from '../roots/root-key.js';
import type { RootSlot } from '../roots/root-slot.js';

/** Roots of more shares than this are not put together. */
const MOST_SHARES = 5;
const MOST_MIXED_SHARES = 3;
const MOST_MIXED_ROOTS = 20_000;

/**
 * The roots of all shares that carry the same epoch: of any of them, in any order, since nothing
 * tells which stores there were. The caller wipes each.
 */
export function* rootsOfEpochs(slots: readonly RootSlot[]): Generator<SecretBytes> {
  const epochs = new Map<string, RootSlot[]>();
  for (const slot of slots) {
    const epoch = `${slot.rootId} ${slot.epoch.toString()}`;
    epochs.set(epoch, [...(epochs.get(epoch) ?? []), slot]);
  }
  for (const shares of epochs.values()) yield* rootsOf(shares, MOST_SHARES);
}

/** The roots of shares whatever epochs they carry, the shortest first; of very many, the first 20,000. */
export function* mixedRoots(slots: readonly RootSlot[]): Generator<SecretBytes> {
  let left = MOST_MIXED_ROOTS;
  for (const root of rootsOf(slots, MOST_MIXED_SHARES)) {
    yield root;
    left -= 1;
    if (left === 0) return;
  }
}

function* rootsOf(slots: readonly RootSlot[], mostShares: number): Generator<SecretBytes> {
  for (let count = 1; count <= Math.min(mostShares, slots.length); count += 1)
    for (const chosen of arrangements(slots, count))
      yield rootKeyOf(chosen.map(({ share }) => share));
}

/** Every way to put `count` different items in a row. */
function* arrangements<T>(items: readonly T[], count: number): Generator<readonly T[]> {
  if (count === 0) {
    yield [];
    return;
  }
  for (const first of items)
    for (const rest of arrangements(
      items.filter((item) => item !== first),
      count - 1,
    ))
      yield [first, ...rest];
}
