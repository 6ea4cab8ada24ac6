import { describe, expect, test } from '@jest/globals';
import { hex, parseHex, utf8 } from '../../../src/audit/offline/bytes.js';
import {
  leafHash,
  nodeHash,
  rootFromInclusion,
  verifyConsistency,
} from '../../../src/audit/offline/merkle.js';
import { nodePrimitives } from '../../../src/audit/offline/node-primitives.js';
import { webPrimitives } from '../../../src/audit/offline/web-primitives.js';
import vectors from '../../vectors/offline-formats.json' with { type: 'json' };
import { ReferenceTree } from '../reference-tree.js';

const MOST_LEAVES = 64;
const leaves = Array.from({ length: MOST_LEAVES }, (_, at) => utf8(`leaf ${at}`));
const tree = new ReferenceTree(leaves);
const { leavesHex, rootsHex, emptyRootHex, inclusions, consistencies } = vectors.merkle;

const bytes = (text: string) => parseHex(text)!;
const rootOf = (size: number) => bytes(tree.root(0, size));
const other = new Uint8Array(32).fill(0xee);

/** Wrong in one way each. */
function wrongPaths(path: readonly Uint8Array[]): (readonly Uint8Array[])[] {
  return [
    [...path, other],
    [other, ...path],
    ...path.map((hash, at) => path.with(at, hash.with(31, hash[31]! ^ 1))),
    ...path.map((_, at) => path.toSpliced(at, 1)),
    ...path.slice(1).map((hash, at) => path.with(at, hash).with(at + 1, path[at]!)),
  ];
}

describe('the vectors of RFC 6962', () => {
  test('when trees are built of the leaves, then their roots are the published ones', async () => {
    const first = await leafHash(nodePrimitives, bytes(leavesHex[0]!));
    const second = await leafHash(nodePrimitives, bytes(leavesHex[1]!));
    expect(hex(first)).toBe(rootsHex[0]);
    expect(hex(await nodeHash(nodePrimitives, first, second))).toBe(rootsHex[1]);
    const reference = new ReferenceTree(leavesHex.map(bytes));
    expect(rootsHex.map((_, at) => reference.root(0, at + 1))).toEqual(rootsHex);
  });

  test.each(inclusions)(
    'when leaf $index is in the tree of $size, then the path leads to the root',
    async ({ index, size, pathHex }) => {
      for (const primitives of [nodePrimitives, webPrimitives]) {
        const hash = await leafHash(primitives, bytes(leavesHex[index]!));
        const path = pathHex.map(bytes);
        const root = await rootFromInclusion(primitives, { leafHash: hash, index, size, path });
        expect(hex(root!)).toBe(rootsHex[size - 1]);
      }
    },
  );

  test.each(consistencies)(
    'when the tree of $fromSize grew to $toSize, then the path shows it',
    async ({ fromSize, toSize, pathHex }) => {
      for (const primitives of [nodePrimitives, webPrimitives]) {
        const isConsistent = await verifyConsistency(primitives, {
          fromSize,
          fromRoot: bytes(rootsHex[fromSize - 1]!),
          toSize,
          toRoot: bytes(rootsHex[toSize - 1]!),
          path: pathHex.map(bytes),
        });
        expect(isConsistent).toBe(true);
      }
    },
  );

  test('when nothing grew to a tree, then it is consistent by an empty path alone', async () => {
    const empty = { fromSize: 0, fromRoot: bytes(emptyRootHex), toSize: 8, toRoot: other };
    expect(await verifyConsistency(nodePrimitives, { ...empty, path: [] })).toBe(true);
    expect(await verifyConsistency(nodePrimitives, { ...empty, path: [other] })).toBe(false);
    const wrong = { ...empty, fromRoot: other, path: [] };
    expect(await verifyConsistency(nodePrimitives, wrong)).toBe(false);
  });
});

describe(`every tree of up to ${MOST_LEAVES} leaves, against the recursion of RFC 6962`, () => {
  test('when a path is that of a leaf, then it leads to the root, and no other does', async () => {
    for (let size = 1; size <= MOST_LEAVES; size += 1) {
      const root = tree.root(0, size);
      for (let index = 0; index < size; index += 1) {
        const hash = await leafHash(nodePrimitives, leaves[index]!);
        const path = tree.inclusion(index, 0, size).map(bytes);
        const found = { leafHash: hash, index, size, path };
        const rootFrom = async (change: object) => {
          const computed = await rootFromInclusion(nodePrimitives, { ...found, ...change });
          return computed && hex(computed);
        };
        expect(await rootFrom({})).toBe(root);
        expect(await rootFrom({ leafHash: other })).not.toBe(root);
        for (const wrong of wrongPaths(path))
          expect(await rootFrom({ path: wrong })).not.toBe(root);
      }
    }
  });

  test('when the same path is said to be of another index, then it leads elsewhere', async () => {
    for (let size = 1; size <= MOST_LEAVES; size += 1) {
      const index = size >> 1;
      const hash = await leafHash(nodePrimitives, leaves[index]!);
      const path = tree.inclusion(index, 0, size).map(bytes);
      for (let said = 0; said < size; said += 1) {
        if (said === index) continue;
        const wrong = { leafHash: hash, index: said, size, path };
        const computed = await rootFromInclusion(nodePrimitives, wrong);
        expect(computed && hex(computed)).not.toBe(tree.root(0, size));
      }
    }
  });

  test('when a tree grew, then its path shows it, and no other does', async () => {
    for (let toSize = 1; toSize <= MOST_LEAVES; toSize += 1) {
      for (let fromSize = 1; fromSize <= toSize; fromSize += 1) {
        const [fromRoot, toRoot] = [rootOf(fromSize), rootOf(toSize)];
        const path = tree.consistency(fromSize, toSize).map(bytes);
        const claim = { fromSize, fromRoot, toSize, toRoot, path };
        const isShown = async (change: object) =>
          await verifyConsistency(nodePrimitives, { ...claim, ...change });
        expect(await isShown({})).toBe(true);
        expect(await isShown({ fromRoot: other })).toBe(false);
        expect(await isShown({ toRoot: other })).toBe(false);
        for (const wrong of wrongPaths(path)) expect(await isShown({ path: wrong })).toBe(false);
      }
    }
  });
});

describe('a tree that cannot be', () => {
  const found = { leafHash: other, index: 0, size: 1, path: [] };
  test.each([
    { index: 1 },
    { index: -1 },
    { index: 0.5 },
    { index: Number.NaN },
    { size: 0 },
    { size: 2 ** 53 },
    { size: Number.POSITIVE_INFINITY },
  ])('when a place is %j, then nothing is included', async (change) => {
    expect(await rootFromInclusion(nodePrimitives, { ...found, ...change })).toBeUndefined();
  });

  const same = { fromSize: 2, fromRoot: other, toSize: 2, toRoot: other, path: [] };
  test.each([
    { fromSize: 3 },
    { fromSize: -1 },
    { toSize: 2.5 },
    { toSize: 2 ** 53 },
    { toSize: Number.NaN },
    { toSize: 3 },
    { fromSize: 1 },
    { path: [other] },
    { fromRoot: new Uint8Array(0) },
  ])('when sizes are %j, then nothing is consistent', async (change) => {
    expect(await verifyConsistency(nodePrimitives, same)).toBe(true);
    expect(await verifyConsistency(nodePrimitives, { ...same, ...change })).toBe(false);
  });

  test('when a tree has 2^53 - 1 leaves, then a path of 53 hashes is followed', async () => {
    const size = Number.MAX_SAFE_INTEGER;
    const path = new Array<Uint8Array>(53).fill(other);
    const root = await rootFromInclusion(nodePrimitives, { ...found, index: 0, size, path });
    expect(root).toHaveLength(32);
    const longer = { ...found, index: 0, size, path: [...path, other] };
    expect(await rootFromInclusion(nodePrimitives, longer)).toBeUndefined();
  });
});
