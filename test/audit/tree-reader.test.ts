import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import type { LogStore } from '../../src/audit/log-store.js';
import { parseBundle, printBundle } from '../../src/audit/merkle/entry-bundle.js';
import { Frontier } from '../../src/audit/merkle/frontier.js';
import { leafHash } from '../../src/audit/merkle/tree-hash.js';
import { rootFromInclusion, verifyConsistency } from '../../src/audit/offline/merkle.js';
import { nodePrimitives } from '../../src/audit/offline/node-primitives.js';
import { createStoredTiles } from '../../src/audit/stored-tiles.js';
import { createTreeReader } from '../../src/audit/tree-reader.js';
import { hex, utf8, utf8Text } from '../../src/lib/bytes.js';
import { MemoryLog } from '../support/memory-log.js';
import { ReferenceTree } from './reference-tree.js';

const leafAt = (index: number) => utf8(`leaf ${index.toString()}`);
const leavesUpTo = (count: number) => Array.from({ length: count }, (_, index) => leafAt(index));
const hexes = (hashes: readonly Uint8Array[]) => hashes.map(hex);

/** Adds a segment with the leaves that come next; its checkpoint is of no matter to the reader. */
function addLeaves(log: MemoryLog, count: number): void {
  const last = log.segments.at(-1);
  const frontier = last
    ? Frontier.parse({ size: last.size, bytes: last.frontier })
    : Frontier.empty();
  const start = frontier.size;
  const leaves = Array.from({ length: count }, (_, offset) => leafAt(start + offset));
  for (const leaf of leaves) log.nodes.push(...frontier.append(leafHash(leaf)));
  const bundle = printBundle(leaves);
  const { size } = frontier;
  log.segments.push({ start, size, bundle, frontier: frontier.bytes(), checkpoint: '' });
}

/** A log in segments of these sizes. */
function logOf(...counts: readonly number[]): MemoryLog {
  const log = new MemoryLog();
  for (const count of counts) addLeaves(log, count);
  return log;
}

function times(count: number, ofSegments: number): number[] {
  return Array.from({ length: count }, () => ofSegments);
}

describe('proofs out of a stored log', () => {
  test('when the log has up to 130 leaves, then every proof of every pair is that of the reference', async () => {
    const log = logOf(1, 1, 5, ...times(23, 1), 70, 30);
    const reader = createTreeReader(log);
    const reference = new ReferenceTree(leavesUpTo(130));
    for (let size = 0; size <= 130; size += 1) {
      expect(hex(await reader.rootHash(size))).toBe(reference.root(0, size));
      for (let index = 0; index < size; index += 1)
        expect(hexes(await reader.inclusionProof({ index, size }))).toEqual(
          reference.inclusion(index, 0, size),
        );
      for (let fromSize = 0; fromSize <= size; fromSize += 1)
        expect(hexes(await reader.consistencyProof({ fromSize, toSize: size }))).toEqual(
          reference.consistency(fromSize, size),
        );
    }
  });

  describe('across tiles', () => {
    const total = 66_200;
    const log = logOf(300, ...times(120, 512), ...times(40, 3), ...times(33, 129), 83);
    const reference = new ReferenceTree(leavesUpTo(total));
    const size = fc.oneof(
      fc.integer({ min: 1, max: total }),
      fc.constantFrom(255, 256, 257, 511, 512, 513, 65_535, 65_536, 65_537, total),
    );
    const pair = size.chain((of) => fc.record({ size: fc.constant(of), at: fc.nat(of - 1) }));

    test('when sizes and leaves are anywhere, then every proof and root is that of the reference', async () => {
      expect(log.segments.at(-1)?.size).toBe(total);
      const shared = createTreeReader(log);
      await fc.assert(
        fc.asyncProperty(pair, fc.boolean(), async ({ size, at }, isFresh) => {
          const reader = isFresh ? createTreeReader(log) : shared;
          const inclusion = await reader.inclusionProof({ index: at, size });
          const consistency = await reader.consistencyProof({ fromSize: at, toSize: size });
          expect(hexes(inclusion)).toEqual(reference.inclusion(at, 0, size));
          expect(hexes(consistency)).toEqual(reference.consistency(at, size));
          expect(hex(await reader.rootHash(size))).toBe(reference.root(0, size));
        }),
        { numRuns: 150 },
      );
    });

    test('when proofs are given to the offline verifier, then it accepts them, and not for the leaf beside', async () => {
      const reader = createTreeReader(log);
      await fc.assert(
        fc.asyncProperty(pair, async ({ size, at }) => {
          const root = hex(await reader.rootHash(size));
          const path = await reader.inclusionProof({ index: at, size });
          const proof = { leafHash: leafHash(leafAt(at)), index: at, size, path };
          expect(hex((await rootFromInclusion(nodePrimitives, proof))!)).toBe(root);
          const beside = { ...proof, leafHash: leafHash(leafAt(at + 1)) };
          expect(hex((await rootFromInclusion(nodePrimitives, beside))!)).not.toBe(root);
          const sizes = { fromSize: at, toSize: size };
          const roots = {
            fromRoot: await reader.rootHash(at),
            toRoot: await reader.rootHash(size),
          };
          const consistency = { ...sizes, ...roots, path: await reader.consistencyProof(sizes) };
          expect(await verifyConsistency(nodePrimitives, consistency)).toBe(true);
        }),
        { numRuns: 50 },
      );
    });

    test('when tiles are read, then they hold the hashes that C2SP tlog-tiles puts there', async () => {
      const reader = createTreeReader(log);
      const places = [
        { level: 0, index: 0, width: 256 },
        { level: 0, index: 258, width: 152 },
        { level: 1, index: 0, width: 256 },
        { level: 1, index: 1, width: 2 },
        { level: 2, index: 0, width: 1 },
      ];
      for (const { level, index, width } of places) {
        const leaves = 256 ** level;
        const expected = Array.from({ length: width }, (_, offset) => {
          const start = (index * 256 + offset) * leaves;
          return reference.root(start, start + leaves);
        });
        expect(hex(await reader.tile({ level, index, width }))).toBe(expected.join(''));
      }
    });

    test('when entry bundles and leaves are read, then they are what was appended', async () => {
      const reader = createTreeReader(log);
      for (const { index, width } of [
        { index: 0, width: 256 },
        { index: 1, width: 7 },
        { index: 240, width: 256 },
        { index: 258, width: 152 },
      ]) {
        const leaves = parseBundle(await reader.bundle({ index, width })) ?? [];
        const expected = Array.from({ length: width }, (_, offset) => leafAt(index * 256 + offset));
        expect(leaves.map(utf8Text)).toEqual(expected.map(utf8Text));
      }
      for (const index of [0, 299, 300, 61_739, 61_740, total - 1])
        expect(await reader.leaf(index)).toBe(utf8Text(leafAt(index)));
    });

    test.each([
      [
        'a proof in a tree that is larger',
        (r: Reader) => r.inclusionProof({ index: 0, size: total + 1 }),
      ],
      [
        'a proof of the last leaf of a larger tree',
        (r: Reader) => r.inclusionProof({ index: total, size: total + 1 }),
      ],
      ['a proof of a leaf behind the tree', (r: Reader) => r.inclusionProof({ index: 5, size: 5 })],
      ['a proof in no tree', (r: Reader) => r.inclusionProof({ index: 0, size: 0 })],
      ['a proof of a negative leaf', (r: Reader) => r.inclusionProof({ index: -1, size: 5 })],
      ['a proof of half a leaf', (r: Reader) => r.inclusionProof({ index: 0.5, size: 5 })],
      [
        'a larger tree as the older one',
        (r: Reader) => r.consistencyProof({ fromSize: 6, toSize: 5 }),
      ],
      [
        'a larger tree as the newer one',
        (r: Reader) => r.consistencyProof({ fromSize: 1, toSize: total + 1 }),
      ],
      [
        'two equal trees beyond the end',
        (r: Reader) => r.consistencyProof({ fromSize: total + 1, toSize: total + 1 }),
      ],
      [
        'no tree and one beyond the end',
        (r: Reader) => r.consistencyProof({ fromSize: 0, toSize: total + 1 }),
      ],
      ['no number as size', (r: Reader) => r.consistencyProof({ fromSize: 1, toSize: Number.NaN })],
      ['the root of a larger tree', (r: Reader) => r.rootHash(total + 1)],
      ['the root of half a tree', (r: Reader) => r.rootHash(2.5)],
      [
        'a tile that the log has not filled',
        (r: Reader) => r.tile({ level: 0, index: 258, width: 153 }),
      ],
      ['a tile behind the end', (r: Reader) => r.tile({ level: 0, index: 259, width: 1 })],
      ['a tile above the tree', (r: Reader) => r.tile({ level: 3, index: 0, width: 1 })],
      ['a tile of no level', (r: Reader) => r.tile({ level: 64, index: 0, width: 1 })],
      ['a tile without width', (r: Reader) => r.tile({ level: 0, index: 0, width: 0 })],
      ['a tile that is too wide', (r: Reader) => r.tile({ level: 0, index: 0, width: 257 })],
      ['a tile of a negative index', (r: Reader) => r.tile({ level: 0, index: -1, width: 1 })],
      [
        'a tile of an index that numbers cannot hold',
        (r: Reader) => r.tile({ level: 0, index: 2 ** 52, width: 1 }),
      ],
      ['a bundle that the log has not filled', (r: Reader) => r.bundle({ index: 258, width: 153 })],
      ['a bundle behind the end', (r: Reader) => r.bundle({ index: 259, width: 1 })],
      ['a bundle without width', (r: Reader) => r.bundle({ index: 0, width: 0 })],
      ['a leaf behind the end', (r: Reader) => r.leaf(total)],
      ['a negative leaf', (r: Reader) => r.leaf(-1)],
    ])('when %s is asked for, then that is refused', async (_what, ask) => {
      await expect(ask(createTreeReader(log))).rejects.toThrow(RangeError);
    });
  });
});

type Reader = ReturnType<typeof createTreeReader>;

describe('what the reader keeps', () => {
  test('when a proof was made before, then it is made again without reading', async () => {
    const log = logOf(...times(4, 512), 100);
    const reader = createTreeReader(log);
    await reader.inclusionProof({ index: 700, size: 2_100 });
    log.reads.length = 0;
    await reader.inclusionProof({ index: 701, size: 2_148 });
    await reader.consistencyProof({ fromSize: 2_060, toSize: 2_148 });
    expect(log.reads).toEqual([]);
  });

  test('when the log has grown, then only what is new is read', async () => {
    const log = logOf(...times(4, 512), 100);
    const reader = createTreeReader(log);
    await reader.rootHash(2_148);
    addLeaves(log, 3);
    log.reads.length = 0;
    await reader.inclusionProof({ index: 2_150, size: 2_151 });
    expect(log.reads).toEqual(['segments 2148 2']);
    expect(hex(await reader.rootHash(2_151))).toBe(
      new ReferenceTree(leavesUpTo(2_151)).root(0, 2_151),
    );
  });

  test('when every leaf is a segment of its own, then a tile takes few reads all the same', async () => {
    const log = logOf(...times(300, 1));
    await createTreeReader(log).tile({ level: 0, index: 0, width: 256 });
    expect(log.reads).toEqual([
      'segments 0 2',
      'segments 2 16',
      'segments 18 128',
      'segments 146 110',
    ]);
  });

  test('when many ask for the same at once, and the log grows meanwhile, then all get the right answer', async () => {
    const log = logOf(200, 40, 10);
    const reader = createTreeReader(log);
    const reference = new ReferenceTree(leavesUpTo(400));
    const roots = await Promise.all(
      Array.from({ length: 100 }, async (_, step) => {
        if (step % 10 === 0) addLeaves(log, 15);
        return hex(await reader.rootHash(150 + step));
      }),
    );
    expect(roots).toEqual(roots.map((_, step) => reference.root(0, 150 + step)));
    expect(hex(await reader.rootHash(400))).toBe(reference.root(0, 400));
  });

  test('when many need a tile that nobody has read, then it is read once', async () => {
    const log = logOf(100, 100);
    const reader = createTreeReader(log);
    const proofs = times(50, 1).map(
      async (_, index) => await reader.inclusionProof({ index: 150 + index, size: 200 }),
    );
    await Promise.all(proofs);
    // One reading: all segments, and that nothing follows them.
    expect(log.reads).toEqual(['segments 0 2', 'segments 200 16']);
  });

  test('when a caller changes what it was given, then the next one gets the right answer', async () => {
    const reader = createTreeReader(logOf(257));
    for (let round = 0; round < 2; round += 1) {
      const [first, ...others] = await reader.inclusionProof({ index: 0, size: 257 });
      expect(hex(first ?? new Uint8Array(0))).toBe(hex(leafHash(leafAt(1))));
      for (const hash of [first, ...others]) hash?.fill(0);
      (await reader.rootHash(1)).fill(0);
      (await reader.rootHash(256)).fill(0);
    }
  });

  test('when the store fails in the middle, then the proof fails and the next one is right', async () => {
    const log = logOf(...times(300, 1));
    let isAway = true;
    const failing: Pick<LogStore, 'readSegments' | 'readNodes'> = {
      readNodes: async (from, limit) => await log.readNodes(from, limit),
      readSegments: async (from, limit) => {
        if (isAway && from > 10) throw new Error('the store is away');
        return await log.readSegments(from, limit);
      },
    };
    const reader = createTreeReader(failing);
    await expect(reader.rootHash(300)).rejects.toThrow('the store is away');
    isAway = false;
    expect(hex(await reader.rootHash(300))).toBe(new ReferenceTree(leavesUpTo(300)).root(0, 300));
  });

  test('when more tiles are used than are kept, then the one that was not used for longest goes', async () => {
    const hash = leafHash(leafAt(0));
    const tiles = createStoredTiles({
      readSegments: async () => [],
      readNodes: async ({ level, index }) => [{ level, index, hash }],
    });
    const place = (index: number) => ({ level: 1, index, width: 1 });
    for (let index = 0; index < 4_096; index += 1) await tiles.load(place(index));
    expect(tiles.cached(place(0))).toBeDefined();
    await tiles.load(place(4_096));
    expect(tiles.cached(place(0))).toBeDefined();
    expect(tiles.cached(place(1))).toBeUndefined();
    expect(tiles.cached(place(4_096))).toBeDefined();
  });
});

describe('a store that was damaged', () => {
  const damages: [string, (log: MemoryLog) => void][] = [
    ['a segment is missing', (log) => log.segments.splice(1, 1)],
    [
      'a segment holds a leaf too few',
      (log) => {
        log.segments[1] = { ...log.segments[1]!, bundle: printBundle([leafAt(100)]) };
      },
    ],
    [
      'a bundle is cut',
      (log) => {
        const segment = log.segments[1]!;
        log.segments[1] = { ...segment, bundle: segment.bundle.subarray(0, 50) };
      },
    ],
    [
      'a segment begins twice',
      (log) => {
        log.segments[2] = { ...log.segments[2]!, start: 199, size: 299 };
      },
    ],
    [
      'a segment ends where it begins',
      (log) => {
        log.segments[1] = { ...log.segments[1]!, size: 100, bundle: new Uint8Array(0) };
      },
    ],
    ['a node is missing', (log) => log.nodes.splice(0, 1)],
  ];

  test.each(damages)(
    'when %s, then the proof is refused and the damage is named',
    async (_what, damage) => {
      const log = logOf(100, 100, 100, 300);
      damage(log);
      const proof = createTreeReader(log).inclusionProof({ index: 5, size: 600 });
      await expect(proof).rejects.toThrow(/(damaged|missing) in the database.*`lethe log verify`/);
    },
  );

  test('when a segment holds nothing at all, then the reader does not go on asking for it', async () => {
    const empty = {
      start: 0,
      size: 0,
      bundle: new Uint8Array(0),
      frontier: new Uint8Array(0),
      checkpoint: '',
    };
    const reader = createTreeReader({
      readSegments: async () => [empty],
      readNodes: async () => [],
    });
    await expect(reader.leaf(0)).rejects.toThrow('damaged in the database');
  });
});
