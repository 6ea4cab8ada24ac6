import { afterEach, beforeEach, describe, expect, jest, test } from '@jest/globals';
import { SecretBytes } from '../../src/crypto/secret-bytes.js';
import { ServiceError } from '../../src/errors/service-error.js';
import { createKeyTreeVault } from '../../src/vault/key-tree-vault.js';
import type { NextRoot } from '../../src/vault/roots/erasable-root.js';
import { RootStoreError } from '../../src/vault/roots/root-store.js';
import { TreeOwner } from '../../src/vault/tree/tree-owner.js';
import { FencedError, type TreeStores } from '../../src/vault/tree/tree-store.js';
import { TreeWriter } from '../../src/vault/tree/tree-writer.js';
import type { SealedTemplate } from '../../src/vault/vault.js';
import { VaultError } from '../../src/vault/vault-error.js';
import { MemoryRoot } from '../support/memory-root.js';
import { Ended } from './simulated-disk.js';
import { type Step, World } from './tree-world.js';

const STEPS: readonly Step[] = (['commit', 'stage', 'wipe'] as const).flatMap((of) =>
  (of === 'commit' ? [0] : [0, 1]).flatMap((store) =>
    (['before', 'after'] as const).map((when) => ({ of, when, store })),
  ),
);

/** Fails at a step, once. */
function failAt(world: World, { of, when, store }: Step): void {
  world.onStep = (step) => {
    if (step.of !== of || step.when !== when || step.store !== store) return;
    world.onStep = () => undefined;
    throw of === 'commit'
      ? new ServiceError('UNAVAILABLE', { detail: 'the database does not answer' })
      : new RootStoreError('the disk reports an error');
  };
}

describe('a key tree whose stores fail', () => {
  test.each(STEPS)(
    'when %p fails in an erasure, then it is UNAVAILABLE, the rest opens, and a repetition ends it',
    async (step) => {
      const world = await World.started({ rootStores: 2 });
      const [ann, bob, ...rest] = await world.enrolMany(['ann', 'bob', 'cem', 'dia']);
      const others = [...rest, await world.enrol('eve', 'other')];
      failAt(world, step);
      const erasing = [
        world.vault.shred([ann!.keyId]),
        world.vault.shred([bob!.keyId]),
        world.vault.shredScope({ tenantId: 'other' }),
      ];
      for (const erasure of erasing)
        await expect(erasure).rejects.toMatchObject({ name: 'ServiceError', code: 'UNAVAILABLE' });
      const [isAnnOpen, isBobOpen, ...areRest] = await world.areOpen([ann!, bob!, ...others]);
      expect(areRest.slice(0, 2)).toEqual([true, true]);
      expect([isBobOpen, areRest[2]]).toEqual([isAnnOpen, isAnnOpen]);
      await world.vault.shred([ann!.keyId, bob!.keyId]);
      await world.vault.shredScope({ tenantId: 'other' });
      const all = [ann!, bob!, ...others];
      expect(await world.areOpen(all)).toEqual([false, false, true, true, false]);
      expect(world.rootStores.map((store) => store.shares().length)).toEqual([1, 1]);
      // The root, the leaf, and two enrolments.
      expect(world.stolenKeyIds().size).toBe(1 + 1 + 2);
      await world.start();
      expect(await world.areOpen(all)).toEqual([false, false, true, true, false]);
    },
  );

  test.each(['before', 'after'] as const)(
    'when a commit fails %s an enrolment, then it is UNAVAILABLE, and the next one works',
    async (when) => {
      const world = await World.started();
      const ann = await world.enrol('ann');
      failAt(world, { of: 'commit', when, store: 0 });
      await expect(world.enrol('bob')).rejects.toMatchObject({ code: 'UNAVAILABLE' });
      const bob = await world.enrol('bob');
      expect(await world.areOpen([ann, bob])).toEqual([true, true]);
    },
  );

  test('when it keeps failing, then changes are UNAVAILABLE and say why, templates open, and the check tells it, until it works again', async () => {
    const world = await World.started();
    const ann = await world.enrol('ann');
    const broken = () => {
      throw new RootStoreError('root.key cannot be read or written: the disk reports an error');
    };
    world.onStep = broken;
    for (let time = 0; time < 3; time += 1) {
      const shredded = world.vault.shred([ann.keyId]);
      await expect(shredded).rejects.toMatchObject({ code: 'UNAVAILABLE' });
      await expect(shredded).rejects.toThrow('root.key cannot be read or written');
    }
    expect(await world.areOpen([ann])).toEqual([true]);
    await expect(world.vault.check()).rejects.toThrow('the disk reports an error');
    world.onStep = () => undefined;
    await world.vault.check();
    expect(await world.areOpen([ann])).toEqual([true]);
  });

  test('when the tree is read anew while leaves are being read, then nobody takes a live key for an erased one', async () => {
    const world = await World.started();
    const ann = await world.enrol('ann');
    const { store } = world.owner;
    const find = store.find.bind(store);
    let drops = 0;
    store.find = async (places) => {
      const rows = await find(places);
      if (drops-- <= 0) return rows;
      world.owner.distrust();
      await world.owner.tree();
      return rows;
    };
    drops = 1;
    expect(await world.vault.exist([ann.keyId])).toEqual([true]);
    drops = 3;
    expect(await world.areOpen([ann])).toEqual([true]);
  });

  test.each(STEPS.filter(({ when, of }) => when === 'before' && of !== 'wipe'))(
    'when %p fails, then the root that was drawn is wiped from memory',
    async (step) => {
      const world = await World.started({ rootStores: 2 });
      const ann = await world.enrol('ann');
      const { root } = await world.owner.tree();
      const drawn: NextRoot[] = [];
      const draw = root.draw.bind(root);
      jest.spyOn(root, 'draw').mockImplementation((changes) => {
        drawn.push(draw(changes));
        return drawn.at(-1)!;
      });
      failAt(world, step);
      await expect(world.vault.shred([ann.keyId])).rejects.toThrow();
      expect(drawn).toHaveLength(1);
      for (const secret of [drawn[0]!.key, ...drawn[0]!.slots.map(({ share }) => share)])
        expect(() => secret.use(() => undefined)).toThrow('these secret bytes were wiped');
    },
  );

  test('when a store was added and the root cannot be renewed, then the vault does not open and the root is free', async () => {
    const world = await World.started({ isExclusive: false });
    const ann = await world.enrol('ann');
    await world.vault.close();
    const added = new MemoryRoot();
    added.onStep = () => {
      throw new RootStoreError('the added store is broken');
    };
    world.rootStores.push(added);
    await expect(world.start()).rejects.toThrow('the added store is broken');
    expect(world.trees.owner).toBeUndefined();
    added.onStep = () => undefined;
    await world.start();
    expect(await world.areOpen([ann])).toEqual([true]);
    expect(world.rootStores.map((store) => store.shares().length)).toEqual([1, 1]);
    await world.vault.close();
  });
});

describe('a key tree and a root that do not fit together', () => {
  async function refusal(world: World): Promise<Error> {
    const before = [new Map(world.trees.nodes), world.rootStores.map((store) => store.snapshot())];
    const error = await world.start().catch((reason: unknown) => reason);
    expect([new Map(world.trees.nodes), world.rootStores.map((store) => store.snapshot())]).toEqual(
      before,
    );
    return error as Error;
  }

  /** Ann lives, Bob was erased; what he needed was removed. */
  async function erased() {
    const world = await World.started();
    const [ann, bob] = await world.enrolMany(['ann', 'bob']);
    const old = { trees: world.trees.backup(), root: world.rootStores[0]!.snapshot() };
    await world.vault.shred([bob!.keyId]);
    await world.vault.close();
    return { world, ann: ann!, bob: bob!, old };
  }

  test('when the tree is put back from a backup, then the sentence says so and nothing is changed', async () => {
    const { world, ann, bob, old } = await erased();
    const current = world.trees.backup();
    world.trees.restore(old.trees);
    const error = await refusal(world);
    expect(error).toBeInstanceOf(VaultError);
    expect(error.message).toBe(
      'the key tree is older than the root (root: epoch 2, tree: epoch 1): it was put back from a backup, whose keys are forgotten; put back the newest copy of the key tree, which may be of any time after the last erasure',
    );
    world.trees.restore(current);
    await world.start();
    expect(await world.areOpen([ann, bob])).toEqual([true, false]);
  });

  test('when the root is put back from a copy, then the sentence says so and nothing is changed', async () => {
    const { world, old } = await erased();
    world.rootStores[0]!.slots = old.root;
    const error = await refusal(world);
    expect(error).toBeInstanceOf(VaultError);
    expect(error.message).toContain(
      'the root is older than the key tree (root: epoch 1, tree: epoch 2): the root store was put back from a copy, which must not exist',
    );
  });

  test('when the tree is gone, then the sentence says that people have to enrol again', async () => {
    const { world } = await erased();
    world.trees.nodes.clear();
    world.trees.trees.clear();
    const error = await refusal(world);
    expect(error).toBeInstanceOf(VaultError);
    expect(error.message).toContain(
      'the database holds no key tree for this root (root: epoch 2, tree: epoch 0): put back the newest copy of the key tree; without it no template opens and people have to enrol again',
    );
  });

  test('when the root is gone, then no other one is made', async () => {
    const { world } = await erased();
    world.rootStores[0] = new MemoryRoot();
    const error = await refusal(world);
    expect(error).toBeInstanceOf(RootStoreError);
    expect(error.message).toBe(
      'memory root is missing, but the database holds keys that only this root opens; put it back, or name the key service that has it in VAULT_URL',
    );
  });

  test('when one of two shares of a young root is gone, then no other one is made', async () => {
    const world = await World.started({ rootStores: 2 });
    await world.vault.close();
    world.rootStores[1] = Object.assign(new MemoryRoot(), { name: 'the lost one' });
    const error = await refusal(world);
    expect(error).toBeInstanceOf(RootStoreError);
    expect(error.message).toContain('the lost one holds no share of the root; put it back');
  });

  test('when the database is new and nothing was ever erased, then a tree is made for the root', async () => {
    const world = await World.started();
    world.trees.nodes.clear();
    world.trees.trees.clear();
    await world.start();
    expect(await world.areOpen([await world.enrol('ann')])).toEqual([true]);
  });

  const damage: [string, (sealed: Uint8Array) => void][] = [
    ['damaged', (sealed) => (sealed[1000]! ^= 1)],
    ['under another key', (sealed) => (sealed[21]! ^= 1)],
    ['of another place', (sealed) => (sealed[20]! ^= 1)],
  ];

  /** A tree of two levels; the node is changed, and everything else stays. */
  async function withNode(place: string, change: (sealed: Uint8Array) => void) {
    const world = await World.started();
    const templates = await world.enrolMany(Array.from({ length: 65 }, (_, at) => `u${at}`));
    const row = world.trees.nodes.get(`${place}@0`)!;
    const sealed = Uint8Array.from(row.sealed);
    change(sealed);
    world.trees.nodes.set(`${place}@0`, { ...row, sealed });
    return { world, templates };
  }

  const lacks = (place: string) =>
    `the key tree in the database lacks node ${place}, or holds a damaged or older one: put back the newest copy of the key tree`;

  test.each(damage)(
    'when an upper node is %s, then the vault does not open',
    async (_what, change) => {
      const { world } = await withNode('1/1/0', change);
      const error = await refusal(world);
      expect(error).toBeInstanceOf(VaultError);
      expect(error.message).toContain(lacks('1/1/0'));
    },
  );

  test.each(damage)(
    'when a leaf is %s, then nothing in it is erased or taken for erased, whole keys in it open, and the rest goes on',
    async (_what, change) => {
      const { world, templates } = await withNode('1/0/1', change);
      await world.start();
      const [in0, in1] = [templates[0]!, templates[64]!];
      expect(await world.areOpen([in0, in1])).toEqual([true, true]);
      expect(await world.vault.exist([in1.keyId])).toEqual([true]);
      const erasing = world.vault.shred([in1.keyId]);
      await expect(erasing).rejects.toMatchObject({ code: 'UNAVAILABLE' });
      await expect(erasing).rejects.toThrow(lacks('1/0/1'));
      await world.vault.shred([in0.keyId]);
      expect(await world.areOpen([in0, templates[1]!])).toEqual([false, true]);
      await world.vault.shredScope({ tenantId: 't' });
      expect(await world.areOpen([in1])).toEqual([false]);
    },
  );

  test('when the key itself is damaged, then it is UNAVAILABLE and not erased, and the service is not ready until it is whole', async () => {
    const firstKeyAt = 49;
    const { world, templates } = await withNode('1/0/1', (sealed) => (sealed[firstKeyAt]! ^= 1));
    await world.start();
    const [in0, in1] = [templates[0]!, templates[64]!];
    await world.vault.check();
    for (const call of [world.vault.open([in0, in1]), world.vault.exist([in1.keyId])]) {
      await expect(call).rejects.toMatchObject({ code: 'UNAVAILABLE' });
      await expect(call).rejects.toThrow(lacks('1/0/1'));
    }
    await expect(world.vault.check()).rejects.toThrow(lacks('1/0/1'));
    const row = world.trees.nodes.get('1/0/1@0')!;
    const sealed = Uint8Array.from(row.sealed);
    sealed[firstKeyAt]! ^= 1;
    world.trees.nodes.set('1/0/1@0', { ...row, sealed });
    await world.vault.check();
    expect(await world.areOpen([in0, in1])).toEqual([true, true]);
  });

  test('when a store of the root takes nothing, then the service reads, erases nothing and is not ready until it does', async () => {
    const world = await World.started();
    const [ann, bob] = await world.enrolMany(['ann', 'bob']);
    world.rootStores[0]!.onStep = () => {
      throw new RootStoreError('memory root is on a full disk');
    };
    await expect(world.vault.shred([ann!.keyId])).rejects.toThrow('full disk');
    expect(await world.areOpen([ann!, bob!])).toEqual([true, true]);
    await expect(world.vault.check()).rejects.toThrow('full disk');
    world.rootStores[0]!.onStep = () => undefined;
    await world.vault.check();
    await world.vault.shred([ann!.keyId]);
    expect(await world.areOpen([ann!, bob!])).toEqual([false, true]);
  });

  test('when two leaves are swapped, or one is missing, then neither is taken for erased', async () => {
    const { world, templates } = await withNode('1/0/1', () => undefined);
    const [first, second] = ['1/0/0@0', '1/0/1@0'].map((text) => world.trees.nodes.get(text)!);
    world.trees.nodes.set('1/0/0@0', { ...first!, sealed: second!.sealed });
    world.trees.nodes.set('1/0/1@0', { ...second!, sealed: first!.sealed });
    await expect(world.vault.open([templates[0]!])).rejects.toThrow(lacks('1/0/0'));
    await expect(world.vault.open([templates[64]!])).rejects.toThrow(lacks('1/0/1'));
    world.trees.nodes.delete('1/0/0@0');
    await expect(world.vault.exist([templates[0]!.keyId])).rejects.toThrow(lacks('1/0/0'));
  });
});

describe('the first start', () => {
  test.each([1, 2, 3])(
    'when it ends at any step with %p root stores, then the next one goes on with it',
    async (rootStores) => {
      for (let step = 0, isEnded = true; isEnded; step += 1) {
        const world = new World({ rootStores });
        world.endAtStep(step);
        isEnded = await world.start().then(
          () => false,
          (error: unknown) => error instanceof Ended || Promise.reject(error as Error),
        );
        world.onStep = () => undefined;
        await world.start();
        const template = await world.enrol('ann');
        await world.start();
        expect(await world.areOpen([template])).toEqual([true]);
      }
    },
  );
});

describe('two processes that use copies of a root', () => {
  beforeEach(() => {
    jest.useFakeTimers();
  });
  afterEach(() => {
    jest.useRealTimers();
  });

  const LEASE_MS = 10_000;

  /** A root in a shared database, whose claims can be made to fail. */
  function shared() {
    const world = new World({ isExclusive: false });
    const faults: { claim?: Promise<unknown> } = {};
    const of = world.trees.of.bind(world.trees);
    const stores: TreeStores = {
      rootIds: async () => await world.trees.rootIds(),
      of: (rootId) => {
        const store = of(rootId);
        return {
          ...store,
          claim: async (...claimant) => {
            await faults.claim;
            return await store.claim(...claimant);
          },
        };
      },
    };
    const fences: FencedError[] = [];
    const open = async () => {
      const owner = await TreeOwner.open({ rootStores: world.rootStores, trees: stores }, (error) =>
        fences.push(error),
      );
      return { owner, vault: await createKeyTreeVault(owner) };
    };
    return { world, faults, fences, open };
  }

  const lost = () => Promise.reject(new ServiceError('UNAVAILABLE'));

  /** Kept from being an unhandled rejection while timers go on. */
  const outcome = async <T>(work: Promise<T>): Promise<T | Error> =>
    await work.catch((error: unknown) => error as Error);

  test('when the first one lives, then the second waits and is refused', async () => {
    const { open, fences } = shared();
    const { vault } = await open();
    let isDone = false;
    const second = outcome(open()).finally(() => (isDone = true));
    await jest.advanceTimersByTimeAsync(LEASE_MS);
    expect(isDone).toBe(false);
    await jest.advanceTimersByTimeAsync(LEASE_MS);
    expect(await second).toEqual(
      new VaultError(
        'another process uses this root and answers; stop it first, or give this one VAULT_URL so that it calls a key service',
      ),
    );
    await vault.check();
    expect(fences).toEqual([]);
    await vault.close();
  });

  test('when the first one was closed, then the second need not wait', async () => {
    const { open } = shared();
    const { vault } = await open();
    await vault.close();
    await (await open()).vault.close();
  });

  test('when the first one died, then the second gets the root after a lease, and the first one is fenced', async () => {
    const { open, fences, world } = shared();
    const first = await open();
    const sealed = await first.vault.seal({ tenantId: 't', uuid: 'u' }, secretText());
    const template: SealedTemplate = { tenantId: 't', uuid: 'u', ...sealed };
    jest.clearAllTimers();
    const opening = outcome(open());
    await jest.advanceTimersByTimeAsync(LEASE_MS + 2_000);
    const second = (await opening) as Awaited<ReturnType<typeof open>>;
    expect(await second.vault.exist([template.keyId])).toEqual([true]);
    const nodes = new Map(world.trees.nodes);
    const shredding = outcome(first.vault.shred([template.keyId]));
    expect(await shredding).toMatchObject({ code: 'UNAVAILABLE' });
    expect(world.trees.nodes).toEqual(nodes);
    expect(await second.vault.exist([template.keyId])).toEqual([true]);
    expect(fences).toEqual([]);
    await second.vault.close();
  });

  test('when another process took the root over, then the next beat fences the first one for good', async () => {
    const { open, fences, world } = shared();
    const { vault } = await open();
    world.trees.owner = { ownerId: 'another', beat: 9 };
    await jest.advanceTimersByTimeAsync(3_000);
    expect(fences).toHaveLength(1);
    expect(fences[0]).toBeInstanceOf(FencedError);
    const failed = await outcome(vault.open([]));
    expect(failed).toMatchObject({ code: 'UNAVAILABLE' });
    expect((failed as Error).message).toBe(
      'another process has taken over the root of this one, which must be stopped',
    );
    await expect(vault.check()).rejects.toThrow(FencedError);
    await jest.advanceTimersByTimeAsync(30_000);
    expect(fences).toHaveLength(1);
    expect(world.trees.owner).toEqual({ ownerId: 'another', beat: 9 });
    await vault.close();
    expect(world.trees.owner).toEqual({ ownerId: 'another', beat: 9 });
  });

  test('when the claim cannot be renewed, then the root is used no longer than the lease, and again afterwards', async () => {
    const { open, faults } = shared();
    const { vault } = await open();
    faults.claim = lost();
    faults.claim.catch(() => undefined);
    await jest.advanceTimersByTimeAsync(LEASE_MS - 1);
    await vault.check();
    await jest.advanceTimersByTimeAsync(1);
    await expect(vault.check()).rejects.toThrow('could not be renewed in time');
    await expect(vault.exist([])).rejects.toMatchObject({ code: 'UNAVAILABLE' });
    delete faults.claim;
    await jest.advanceTimersByTimeAsync(3_000);
    await vault.check();
    await vault.close();
  });

  test.each(['commit', 'stage'] as const)(
    'when the lease ends after the %s of an erasure, then the root stores are left alone',
    async (of) => {
      const { open, faults, world } = shared();
      const { vault } = await open();
      const { keyId } = await vault.seal({ tenantId: 't', uuid: 'u' }, secretText());
      const steps: string[] = [];
      world.onStep = (step) => {
        steps.push(`${step.when} ${step.of}`);
        if (step.of !== of || step.when !== 'after') return;
        faults.claim = lost();
        faults.claim.catch(() => undefined);
        jest.advanceTimersByTime(LEASE_MS);
      };
      expect(await outcome(vault.shred([keyId]))).toMatchObject({ code: 'UNAVAILABLE' });
      expect(steps.at(-1)).toBe(`after ${of}`);
      world.onStep = () => undefined;
      delete faults.claim;
      await jest.advanceTimersByTimeAsync(3_000);
      await vault.shred([keyId]);
      expect(await vault.exist([keyId])).toEqual([false]);
      await vault.close();
    },
  );

  test('when a beat is under way while the vault is closed, then the root is free afterwards', async () => {
    const { open, faults, world } = shared();
    const { vault } = await open();
    let arrive: (() => void) | undefined;
    faults.claim = new Promise<void>((resolve) => {
      arrive = resolve;
    });
    await jest.advanceTimersByTimeAsync(3_000);
    const closed = vault.close();
    await jest.advanceTimersByTimeAsync(10);
    arrive?.();
    await closed;
    await jest.advanceTimersByTimeAsync(10);
    expect(world.trees.owner).toBeUndefined();
  });

  test('when a writer is fenced, then nothing that it does is stored', async () => {
    const { open, world } = shared();
    const { owner, vault } = await open();
    const { keyId } = await vault.seal({ tenantId: 't', uuid: 'u' }, secretText());
    world.trees.owner = { ownerId: 'another', beat: 9 };
    const before = [new Map(world.trees.nodes), world.rootStores[0]!.snapshot()];
    expect(await outcome(vault.shred([keyId]))).toMatchObject({ code: 'UNAVAILABLE' });
    await expect(new TreeWriter(owner).renewRoot()).rejects.toThrow(FencedError);
    expect([world.trees.nodes, world.rootStores[0]!.snapshot()]).toEqual(before);
    await vault.close();
  });
});

function secretText() {
  return SecretBytes.take(new TextEncoder().encode('face of u'));
}
