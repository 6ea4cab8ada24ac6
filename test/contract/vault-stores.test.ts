import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { randomId } from '../../src/lib/ids.js';
import type { Installation } from '../../src/vault/installation-store.js';
import type { NodeRow } from '../../src/vault/tree/tree-store.js';
import { openTestStore, type TestStore } from '../support/stores.js';
import { ALL_BYTES, comparable, concurrently, digest, NOW_MS, sampleNode } from './samples.js';

let opened: TestStore;

beforeEach(async () => {
  opened = await openTestStore();
});

afterEach(async () => {
  await opened.destroy();
});

describe('the key tree', () => {
  const OWNER = 'owner-1';

  async function claimed() {
    const tree = opened.store.trees.of('root-1');
    expect(await tree.claim(OWNER)).toMatchObject({ ownerId: OWNER });
    return tree;
  }

  const sorted = (rows: readonly NodeRow[]) =>
    comparable([...rows].sort((a, b) => a.tree - b.tree || a.index - b.index || a.side - b.side));

  test('when nodes are committed, then each is found by its place with all of its versions, after a reopening', async () => {
    const tree = await claimed();
    const [a, b] = [sampleNode(), sampleNode({ index: 6, sealed: ALL_BYTES })];
    const newer = sampleNode({ side: 1, epoch: 2 });
    expect(await tree.commit({ written: [a, b, newer] }, OWNER)).toBe(true);
    const again = (await opened.reopen()).trees.of('root-1');
    expect(sorted(await again.find([a]))).toStrictEqual(sorted([a, newer]));
    expect(sorted(await again.find([b, { tree: 9, level: 0, index: 1 }]))).toStrictEqual(
      sorted([b]),
    );
    expect(await again.find([])).toEqual([]);
    expect(await opened.store.trees.of('root-2').find([a, b])).toEqual([]);
    expect(await opened.store.trees.rootIds()).toEqual(['root-1']);
  });

  test('when nodes are asked for by kind, then upper ones, the directory and leaves with room are told apart', async () => {
    const tree = await claimed();
    const directory = sampleNode({ tree: 0, used: 3 });
    const upper = sampleNode({ level: 1 });
    const full = sampleNode();
    const roomy = sampleNode({ index: 7, used: 63 });
    await tree.commit({ written: [directory, upper, full, roomy] }, OWNER);
    expect(sorted(await tree.upperNodes())).toStrictEqual(sorted([directory, upper]));
    const { tree: number, level, index, used } = roomy;
    expect(await tree.leavesWithRoom()).toEqual([{ tree: number, level, index, used }]);
    await tree.commit({ resealed: [{ ...roomy, used: 64, revision: 1 }] }, OWNER);
    expect(await tree.leavesWithRoom()).toEqual([]);
  });

  test('when one part of a change does not fit, then none of it happens', async () => {
    const tree = await claimed();
    const [a, b] = [sampleNode(), sampleNode({ index: 6 })];
    await tree.commit({ written: [a], namedTrees: [{ tree: 3, scope: 'tenant/a' }] }, OWNER);
    const changes = [
      { written: [b, a] },
      { written: [b], resealed: [{ ...a, revision: 2 }] },
      { written: [b], resealed: [sampleNode({ epoch: 8, revision: 1 })] },
      { written: [b], namedTrees: [{ tree: 3, scope: 'tenant/b' }] },
    ];
    for (const change of changes) await expect(tree.commit(change, OWNER)).rejects.toThrow();
    expect(sorted(await tree.find([a, b]))).toStrictEqual(sorted([a]));
    expect(await tree.trees()).toEqual([{ tree: 3, scope: 'tenant/a' }]);
  });

  test('when a tree is removed, then its name and all of its nodes go, and no other', async () => {
    const tree = await claimed();
    const [own, upper, other] = [sampleNode(), sampleNode({ level: 1 }), sampleNode({ tree: 4 })];
    const names = [3, 4].map((number) => ({ tree: number, scope: `tenant/${String(number)}` }));
    await tree.commit({ written: [own, upper, other], namedTrees: names }, OWNER);
    await tree.commit({ removedTrees: [3, 8] }, OWNER);
    expect(sorted(await tree.find([own, upper, other]))).toStrictEqual(sorted([other]));
    expect(await tree.trees()).toEqual([{ tree: 4, scope: 'tenant/4' }]);
  });

  test('when a node is written to its side, then it takes the place of an earlier epoch there, and of no other', async () => {
    const tree = await claimed();
    const [old, other] = [sampleNode({ epoch: 2 }), sampleNode({ side: 1, epoch: 3 })];
    await tree.commit({ written: [old, other] }, OWNER);
    const next = sampleNode({ epoch: 4 });
    expect(await tree.commit({ written: [next] }, OWNER)).toBe(true);
    expect(sorted(await tree.find([next]))).toStrictEqual(sorted([next, other]));
    for (const epoch of [3, 4])
      await expect(tree.commit({ written: [sampleNode({ epoch })] }, OWNER)).rejects.toThrow();
    expect(sorted(await tree.find([next]))).toStrictEqual(sorted([next, other]));
  });

  test('when what was not committed is removed, then nodes after the epoch go, and no others', async () => {
    const tree = await claimed();
    const kept = [sampleNode({ epoch: 4 }), sampleNode({ index: 6, side: 1, epoch: 2 })];
    const gone = [sampleNode({ side: 1, epoch: 5 }), sampleNode({ index: 7, epoch: 9 })];
    await tree.commit({ written: [...kept, ...gone] }, OWNER);
    expect(await tree.removeUncommitted(4, OWNER)).toBe(true);
    expect(sorted(await tree.find([...kept, gone[1]!]))).toStrictEqual(sorted(kept));
  });

  test('when the epoch of the root is told, then it is known after a reopening, and only rises', async () => {
    const tree = await claimed();
    expect(await tree.rootEpoch()).toBe(0);
    for (const rootEpoch of [3, 7, 5]) await tree.commit({ rootEpoch }, OWNER);
    await tree.commit({}, OWNER);
    expect(await tree.commit({ rootEpoch: 9 }, 'owner-2')).toBe(false);
    expect(await (await opened.reopen()).trees.of('root-1').rootEpoch()).toBe(7);
  });

  test('when somebody else owns the root, then nothing is written; after a release it is free', async () => {
    const tree = await claimed();
    expect(await tree.commit({ written: [sampleNode()] }, 'owner-2')).toBe(false);
    expect(await tree.removeUncommitted(1, 'owner-2')).toBe(false);
    await tree.release('owner-2');
    expect(await tree.find([sampleNode()])).toEqual([]);
    await tree.release(OWNER);
    await tree.release(OWNER);
    expect(await tree.claim('owner-2')).toMatchObject({ ownerId: 'owner-2' });
    expect(await tree.commit({ written: [sampleNode()] }, OWNER)).toBe(false);
    expect(await tree.commit({ written: [sampleNode()] }, 'owner-2')).toBe(true);
  });

  test('when several processes claim a root at once in a shared database, then one gets it until it is dead', async () => {
    const trees = () => opened.store.trees.of('root-1');
    if (trees().isExclusive) return;
    const ids = Array.from({ length: 6 }, () => randomId());
    const claims = await Promise.all(ids.map((ownerId) => trees().claim(ownerId)));
    const [winner] = new Set(claims.map(({ ownerId }) => ownerId));
    expect(new Set(claims.map(({ ownerId }) => ownerId)).size).toBe(1);
    const loser = ids.find((ownerId) => ownerId !== winner) ?? '';
    const seen = await trees().claim(loser);
    const beat = await trees().claim(winner ?? '');
    expect(beat.beat).toBe(seen.beat + 1);
    expect(await trees().claim(loser, seen)).toEqual(beat);
    expect(await trees().claim(loser, beat)).toEqual({ ownerId: loser, beat: beat.beat + 1 });
    expect(await trees().commit({}, winner ?? '')).toBe(false);
  });
});

describe('the reflected roots', () => {
  test('when an epoch is reflected, then it only ever rises', async () => {
    const { reflectedRoots } = opened.store;
    expect(await reflectedRoots.list()).toEqual([]);
    for (const epoch of [3, 7, 5]) await reflectedRoots.reflect({ rootId: 'b', epoch });
    await reflectedRoots.reflect({ rootId: 'a', epoch: 1 });
    expect(await (await opened.reopen()).reflectedRoots.list()).toEqual([
      { rootId: 'a', epoch: 1 },
      { rootId: 'b', epoch: 7 },
    ]);
  });
});

describe('the installation', () => {
  function sampleInstallation(): Installation {
    return {
      installationId: randomId(),
      serviceKeyCheck: digest(),
      sealedPayloadKey: ALL_BYTES,
      createdAtMs: NOW_MS,
    };
  }

  test('when there is none, then nothing is found; the first one stands, after the store was opened again', async () => {
    expect(await opened.store.installation.find()).toBeUndefined();
    const first = sampleInstallation();
    expect(comparable(await opened.store.installation.insert(first))).toStrictEqual(
      comparable(first),
    );
    const { installation } = await opened.reopen();
    expect(comparable(await installation.insert(sampleInstallation()))).toStrictEqual(
      comparable(first),
    );
    expect(comparable(await installation.find())).toStrictEqual(comparable(first));
  });

  test('when several processes start at once, then all get the same one', async () => {
    const stood = await concurrently(10, () =>
      opened.store.installation.insert(sampleInstallation()),
    );
    expect(new Set(stood.map((installation) => installation.installationId)).size).toBe(1);
  });
});

describe('the store', () => {
  test('when it is open, then it answers; when it is closed, then it does not', async () => {
    await opened.store.ping();
    const { store } = opened;
    await opened.reopen();
    await expect(store.ping()).rejects.toThrow();
    await expect(store.reflectedRoots.list()).rejects.toThrow();
  });

  test('when it is closed, then it finishes first what is under way', async () => {
    const ids = Array.from({ length: 10 }, () => randomId());
    const writes = ids.map((rootId) => opened.store.reflectedRoots.reflect({ rootId, epoch: 1 }));
    const { reflectedRoots } = await opened.reopen();
    await Promise.all(writes);
    const found = (await reflectedRoots.list()).map(({ rootId }) => rootId);
    expect(found).toEqual([...ids].sort());
  });
});
