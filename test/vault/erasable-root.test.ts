import { describe, expect, test } from '@jest/globals';
import { SecretBytes } from '../../src/crypto/secret-bytes.js';
import { ErasableRoot } from '../../src/vault/roots/erasable-root.js';
import { rootKeyOf } from '../../src/vault/roots/root-key.js';
import { parseSlot } from '../../src/vault/roots/root-slot.js';
import { RootStoreError } from '../../src/vault/roots/root-store.js';
import { MemoryRoot } from '../support/memory-root.js';
import { Ended } from './simulated-disk.js';

const hexText = (secret: SecretBytes): string =>
  secret.use((bytes) => Buffer.from(bytes).toString('hex'));

const storesOf = (count: number): MemoryRoot[] =>
  Array.from({ length: count }, () => new MemoryRoot());

async function rootOf(stores: readonly MemoryRoot[]): Promise<ErasableRoot> {
  const root = await ErasableRoot.open(stores);
  if (root === undefined) throw new Error('there is no root');
  return root;
}

/** The next root in place of the current one, as an erasure ends. */
async function rotate(root: ErasableRoot, changes = {}): Promise<void> {
  await root.stage(root.draw(changes));
  await root.forget();
}

function heldEpochs(store: MemoryRoot): number[] {
  return store.slots
    .flatMap((bytes) => (bytes && parseSlot(bytes)?.epoch) ?? [])
    .sort((a, b) => b - a);
}

/** Every share that is held anywhere. */
const sharesIn = (stores: readonly MemoryRoot[]): string[] =>
  stores.flatMap((store) => store.shares().map(hexText));

/** Ends the process before or after a step of one store; the others go on. */
function endAt(store: MemoryRoot, step: 'stage' | 'wipe', when: 'before' | 'after'): void {
  store.onStep = (...at) => {
    if (at[0] === step && at[1] === when) throw new Ended();
  };
}

function goOn(stores: readonly MemoryRoot[]): void {
  for (const store of stores) store.onStep = () => undefined;
}

describe.each([1, 2, 3])('the root over %p stores', (count) => {
  test('when no store was ever written, then there is none', async () => {
    expect(await ErasableRoot.open(storesOf(count))).toBeUndefined();
    expect(await ErasableRoot.begun(storesOf(count))).toBeUndefined();
  });

  test('when it is created, then it is read again, with one share in each store', async () => {
    const stores = storesOf(count);
    const created = await ErasableRoot.create(stores);
    expect(created).toMatchObject({ epoch: 1, isFirst: true, lacksShares: false });
    const root = await rootOf(stores);
    expect(root).toMatchObject({ rootId: created.rootId, epoch: 1, tombstone: created.tombstone });
    expect(hexText(root.key)).toBe(hexText(created.key));
    expect(stores.map((store) => store.shares().length)).toEqual(stores.map(() => 1));
    expect(new Set(sharesIn(stores)).size).toBe(count);
    expect(await ErasableRoot.begun(stores)).toBeUndefined();
  });

  test('when it is created over shares that are there, then they stay', async () => {
    const stores = storesOf(count);
    await rotate(await ErasableRoot.create(stores));
    const before = sharesIn(stores);
    await expect(ErasableRoot.create(stores)).rejects.toThrow(RootStoreError);
    expect(sharesIn(stores)).toEqual(before);
  });

  test('when the next root is in place, then no store holds a share of the one before', async () => {
    const stores = storesOf(count);
    const root = await ErasableRoot.create(stores);
    const [before, key, { tombstone }] = [sharesIn(stores), hexText(root.key), root];
    await rotate(root);
    expect(root).toMatchObject({ epoch: 2, isFirst: false });
    expect(hexText(root.key)).not.toBe(key);
    expect(root.tombstone).not.toBe(tombstone);
    expect(sharesIn(stores).filter((share) => before.includes(share))).toEqual([]);
    const bytes = Buffer.concat(stores.flatMap(({ slots }) => slots.flatMap((slot) => slot ?? [])));
    for (const share of before) expect(bytes.includes(Buffer.from(share, 'hex'))).toBe(false);
    const again = await rootOf(stores);
    expect([again.epoch, hexText(again.key)]).toEqual([2, hexText(root.key)]);
  });

  test('when many roots follow each other, then epochs rise and no share or key is met twice', async () => {
    const stores = storesOf(count);
    const root = await ErasableRoot.create(stores);
    const seen: string[] = [];
    for (let epoch = 1; epoch <= 20; epoch += 1) {
      expect(root.epoch).toBe(epoch);
      seen.push(...sharesIn(stores), hexText(root.key));
      await rotate(root);
    }
    expect(new Set(seen).size).toBe(seen.length);
  });

  test('when the process ends at any step, then the root is the old one or the next one, and only that is left', async () => {
    const outcomes = new Set<string>();
    for (const store of Array.from({ length: count }, (_, at) => at))
      for (const step of ['stage', 'wipe'] as const)
        for (const when of ['before', 'after'] as const) {
          const stores = storesOf(count);
          const old = await ErasableRoot.create(stores);
          const next = old.draw();
          const keys = { old: hexText(old.key), next: hexText(next.key) };
          endAt(stores[store]!, step, when);
          await expect(
            old.stage(next).then(async () => {
              await old.forget();
            }),
          ).rejects.toThrow(Ended);
          goOn(stores);
          const root = await rootOf(stores);
          const isNext = root.epoch === 2;
          expect(hexText(root.key)).toBe(isNext ? keys.next : keys.old);
          expect(isNext).toBe(step === 'wipe' || when === 'after');
          await root.forget();
          expect(stores.map(heldEpochs)).toEqual(stores.map(() => [root.epoch]));
          await rotate(root);
          expect((await rootOf(stores)).epoch).toBe(root.epoch);
          outcomes.add(isNext ? 'next' : 'old');
        }
    expect(outcomes).toEqual(new Set(['old', 'next']));
  });

  test('when any set of stores has the next share, then the root is the next one only with all of them', async () => {
    for (let set = 0; set < 2 ** count; set += 1) {
      const stores = storesOf(count);
      const root = await ErasableRoot.create(stores);
      const key = hexText(root.key);
      stores.forEach((store, at) => {
        if ((set & (1 << at)) === 0) endAt(store, 'stage', 'before');
      });
      const next = root.draw();
      const isAll = set === 2 ** count - 1;
      if (isAll) await root.stage(next);
      else await expect(root.stage(next)).rejects.toThrow(Ended);
      goOn(stores);
      const again = await rootOf(stores);
      expect(again.epoch).toBe(isAll ? 2 : 1);
      expect(hexText(again.key) === key).toBe(!isAll);
      await again.forget();
      expect(stores.map(heldEpochs)).toEqual(stores.map(() => [again.epoch]));
    }
  });

  test('when a share of a root that was not committed is left, then no later epoch is the same', async () => {
    const stores = storesOf(count);
    const root = await ErasableRoot.create(stores);
    endAt(stores.at(-1)!, 'stage', 'before');
    await expect(root.stage(root.draw())).rejects.toThrow(Ended);
    goOn(stores);
    expect(root.draw().epoch).toBe(3);
    expect((await rootOf(stores)).draw().epoch).toBe(count === 1 ? 2 : 3);
  });

  test('when a root was drawn and staged, then its shares are wiped from memory, also after a failure', async () => {
    const stores = storesOf(count);
    const root = await ErasableRoot.create(stores);
    const [staged, failed] = [root.draw(), root.draw()];
    await root.stage(staged);
    endAt(stores[0]!, 'stage', 'before');
    await expect(root.stage(failed)).rejects.toThrow(Ended);
    for (const { share } of [...staged.slots, ...failed.slots])
      expect(() => hexText(share)).toThrow('these secret bytes were wiped');
    root.drop();
    expect(() => hexText(root.key)).toThrow('these secret bytes were wiped');
  });

  test('when an escrow is noted, then every later root carries it along, and no earlier time takes its place', async () => {
    const stores = storesOf(count);
    const root = await ErasableRoot.create(stores);
    expect(root.escrowedUntilMs).toBe(0);
    await rotate(root, { escrowedUntilMs: 1_795_000_000_000 });
    await rotate(root);
    expect(root.escrowedUntilMs).toBe(1_795_000_000_000);
    const again = await rootOf(stores);
    expect(again.escrowedUntilMs).toBe(1_795_000_000_000);
    for (const earlierMs of [0, 1_794_000_000_000]) {
      await rotate(again, { escrowedUntilMs: earlierMs });
      expect((await rootOf(stores)).escrowedUntilMs).toBe(1_795_000_000_000);
    }
    await rotate(again, { escrowedUntilMs: 1_796_000_000_000 });
    expect((await rootOf(stores)).escrowedUntilMs).toBe(1_796_000_000_000);
  });
});

describe.each([2, 3])('the shares of a root over %p stores', (count) => {
  test('when one is missing, then the sentence names its store and nothing opens', async () => {
    for (let missing = 0; missing < count; missing += 1) {
      const stores = storesOf(count);
      await rotate(await ErasableRoot.create(stores));
      const lost = Object.assign(new MemoryRoot(), { name: 'the lost one' });
      await expect(ErasableRoot.open(stores.with(missing, lost))).rejects.toThrow(
        'the lost one holds no share of the root; put it back, or no template of this store opens',
      );
    }
  });

  test('when an older copy of one is put back, then it is refused, and the newest is good again', async () => {
    for (let older = 0; older < count; older += 1) {
      const stores = storesOf(count);
      const root = await ErasableRoot.create(stores);
      const copy = stores[older]!.snapshot();
      await rotate(root);
      const newest = stores[older]!.snapshot();
      stores[older]!.slots = copy;
      await expect(ErasableRoot.open(stores)).rejects.toThrow(
        'hold shares of different epochs or in another order: one was put back from a copy; put the newest of each in its place',
      );
      stores[older]!.slots = newest;
      expect((await rootOf(stores)).tombstone).toBe(root.tombstone);
    }
  });

  test('when older copies of all are put back but one, then the old root does not come back', async () => {
    for (let kept = 0; kept < count; kept += 1) {
      const stores = storesOf(count);
      const root = await ErasableRoot.create(stores);
      const copies = stores.map((store) => store.snapshot());
      await rotate(root);
      stores.forEach((store, at) => {
        if (at !== kept) store.slots = copies[at]!;
      });
      await expect(ErasableRoot.open(stores)).rejects.toThrow(RootStoreError);
    }
  });

  test('when they are named in another order, then they are refused', async () => {
    const stores = storesOf(count);
    await ErasableRoot.create(stores);
    await expect(ErasableRoot.open(stores.toReversed())).rejects.toThrow('in another order');
  });

  test('when one is of another root, then they are refused', async () => {
    const [stores, others] = [storesOf(count), storesOf(count)];
    await ErasableRoot.create(stores);
    await ErasableRoot.create(others);
    const mixed = stores.with(1, others[1]!);
    await expect(ErasableRoot.open(mixed)).rejects.toThrow(
      'hold shares of different roots; name the stores that belong together',
    );
    await expect(ErasableRoot.create(mixed)).rejects.toThrow(RootStoreError);
  });

  test('when not all of their stores are named, then they are refused', async () => {
    const stores = storesOf(count);
    await ErasableRoot.create(stores);
    await expect(ErasableRoot.open(stores.slice(1))).rejects.toThrow(
      `the root has ${count} shares, but only memory root`,
    );
  });

  test('when who holds all but one guesses the rest, then the root is another one', async () => {
    const stores = storesOf(count);
    const root = await ErasableRoot.create(stores);
    const shares = stores.map((store) => store.shares()[0]!);
    expect(hexText(rootKeyOf(shares))).toBe(hexText(root.key));
    for (let missing = 0; missing < count; missing += 1) {
      const others = shares.filter((_, at) => at !== missing);
      const zeros = shares.with(missing, zeroShare());
      for (const guess of [others, others.toReversed(), zeros])
        expect(hexText(rootKeyOf(guess))).not.toBe(hexText(root.key));
    }
  });
});

describe('the creation of a root', () => {
  test.each([2, 3])(
    'when it ends at any step in one of %p stores, then the next process finishes it, and shares that are there stay',
    async (count) => {
      for (let store = 0; store < count; store += 1)
        for (const when of ['before', 'after'] as const) {
          const stores = storesOf(count);
          endAt(stores[store]!, 'stage', when);
          await expect(ErasableRoot.create(stores)).rejects.toThrow(Ended);
          goOn(stores);
          const before = sharesIn(stores);
          const begun = await ErasableRoot.begun(stores);
          expect(begun === undefined).toBe(when === 'after');
          const root =
            begun === undefined ? await rootOf(stores) : await ErasableRoot.create(stores);
          expect(root).toMatchObject({ epoch: 1, isFirst: true });
          if (begun !== undefined) expect(root.rootId).toBe(begun);
          expect(sharesIn(stores)).toEqual(expect.arrayContaining(before));
          expect((await rootOf(stores)).tombstone).toBe(root.tombstone);
        }
    },
  );

  test('when a store of a root in use is lost, then it does not look like a creation', async () => {
    const stores = storesOf(2);
    await rotate(await ErasableRoot.create(stores));
    const lost = stores.with(1, new MemoryRoot());
    expect(await ErasableRoot.begun(lost)).toBeUndefined();
    const before = sharesIn(lost);
    await expect(ErasableRoot.create(lost)).rejects.toThrow(RootStoreError);
    expect(sharesIn(lost)).toEqual(before);
  });
});

describe('a store that was added', () => {
  test('when it holds nothing yet, then the root is as it was, and the next one has a share there', async () => {
    const stores = storesOf(1);
    const { tombstone } = await ErasableRoot.create(stores);
    stores.push(new MemoryRoot());
    expect(await ErasableRoot.begun(stores)).toBeUndefined();
    const root = await rootOf(stores);
    expect(root).toMatchObject({ epoch: 1, lacksShares: true, tombstone });
    await root.forget();
    await rotate(root);
    expect(root.lacksShares).toBe(false);
    expect(await rootOf(stores)).toMatchObject({ lacksShares: false, tombstone: root.tombstone });
    expect(stores.map(heldEpochs)).toEqual([[2], [2]]);
    await expect(ErasableRoot.open(stores.slice(0, 1))).rejects.toThrow('the root has 2 shares');
  });

  test('when the process ends at any step of the next root, then it is the old one or the next one', async () => {
    for (const store of [0, 1])
      for (const step of ['stage', 'wipe'] as const)
        for (const when of ['before', 'after'] as const) {
          const stores = storesOf(1);
          const { tombstone } = await ErasableRoot.create(stores);
          stores.push(new MemoryRoot());
          const old = await rootOf(stores);
          endAt(stores[store]!, step, when);
          await expect(rotate(old)).rejects.toThrow(Ended);
          goOn(stores);
          const root = await rootOf(stores);
          expect(root.tombstone === tombstone).toBe(step === 'stage' && when === 'before');
          expect(root.lacksShares).toBe(step === 'stage' && when === 'before');
          await root.forget();
          await rotate(root);
          expect(await rootOf(stores)).toMatchObject({ lacksShares: false, epoch: root.epoch });
        }
  });
});

function zeroShare(): SecretBytes {
  return SecretBytes.own(new ArrayBuffer(32));
}
