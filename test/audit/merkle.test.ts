import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { parseBundle, printBundle } from '../../src/audit/merkle/entry-bundle.js';
import { Frontier } from '../../src/audit/merkle/frontier.js';
import {
  completeSubtrees,
  consistencyRanges,
  inclusionRanges,
} from '../../src/audit/merkle/ranges.js';
import { TILE_WIDTH, Tile } from '../../src/audit/merkle/tile.js';
import { leafHash, nodeHash, rootOf } from '../../src/audit/merkle/tree-hash.js';
import { hex, utf8 } from '../../src/lib/bytes.js';
import { ReferenceTree } from './reference-tree.js';

/** Leaves and roots that the implementations of Certificate Transparency test with (RFC 6962). */
const CT_LEAVES = [
  '',
  '00',
  '10',
  '2021',
  '3031',
  '40414243',
  '5051525354555657',
  '606162636465666768696a6b6c6d6e6f',
].map((text) => Buffer.from(text, 'hex'));
const CT_ROOTS = [
  'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855',
  '6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d',
  'fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125',
  'aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77',
  'd37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7',
  '4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4',
  '76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef',
  'ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c',
  '5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328',
];

const leafAt = (index: number) => utf8(`leaf ${index.toString()}`);
const leavesUpTo = (count: number) => Array.from({ length: count }, (_, index) => leafAt(index));

function frontierOf(leaves: readonly Uint8Array[]): Frontier {
  const frontier = Frontier.empty();
  for (const leaf of leaves) frontier.append(leafHash(leaf));
  return frontier;
}

describe('the hashes of the tree', () => {
  test('when the leaves are those of Certificate Transparency, then so is the root of every size', () => {
    const roots = CT_ROOTS.map((_, size) => hex(frontierOf(CT_LEAVES.slice(0, size)).root()));
    expect(roots).toEqual(CT_ROOTS);
  });

  test('when a leaf is the input of a node, then its hash is another one', () => {
    const left = leafHash(leafAt(0));
    const right = leafHash(leafAt(1));
    expect(hex(leafHash(Buffer.concat([left, right])))).not.toBe(hex(nodeHash(left, right)));
  });

  test('when a leaf is longer than any that the log takes, then it is hashed whole', () => {
    const long = new Uint8Array(60_000).fill(7);
    expect(hex(leafHash(long))).toBe(new ReferenceTree([long]).root(0, 1));
    expect(hex(leafHash(leafAt(0)))).toBe(new ReferenceTree([leafAt(0)]).root(0, 1));
  });
});

describe('the frontier', () => {
  test('when leaves are appended one by one, then every root and every byte follows from the leaves alone', () => {
    const leaves = leavesUpTo(600);
    const reference = new ReferenceTree(leaves);
    const frontier = Frontier.empty();
    for (const [index, leaf] of leaves.entries()) {
      frontier.append(leafHash(leaf));
      const size = index + 1;
      expect(frontier.size).toBe(size);
      expect(hex(frontier.root())).toBe(reference.root(0, size));
      const parts = completeSubtrees({ start: 0, end: size }).map((subtree) => {
        const count = 2 ** subtree.height;
        return reference.root(subtree.index * count, (subtree.index + 1) * count);
      });
      expect(hex(frontier.bytes())).toBe(parts.join(''));
    }
  });

  test('when it is written and read between two leaves, then it goes on as if nothing had happened', () => {
    let frontier = Frontier.empty();
    for (const leaf of leavesUpTo(300)) {
      frontier.append(leafHash(leaf));
      frontier = Frontier.parse({ size: frontier.size, bytes: frontier.bytes() });
    }
    expect(hex(frontier.root())).toBe(hex(frontierOf(leavesUpTo(300)).root()));
  });

  test('when the bytes that it was read from are changed, then it is not', () => {
    const bytes = Buffer.from(frontierOf(leavesUpTo(5)).bytes());
    const frontier = Frontier.parse({ size: 5, bytes });
    const root = hex(frontier.root());
    bytes.fill(0);
    expect(hex(frontier.root())).toBe(root);
  });

  test('when 70,000 leaves are appended, then exactly the nodes over 256 and over 65,536 leaves come out', () => {
    const leaves = leavesUpTo(70_000);
    const reference = new ReferenceTree(leaves);
    const frontier = Frontier.empty();
    const completed = leaves.flatMap((leaf, index) =>
      frontier.append(leafHash(leaf)).map(({ hash, ...place }) => ({
        ...place,
        hash: hex(hash),
        size: index + 1,
      })),
    );
    const expected = Array.from({ length: 273 }, (_, index) => {
      const end = (index + 1) * 256;
      const hash = reference.root(end - 256, end);
      return { level: 1, index, hash, size: end };
    }).flatMap((node) =>
      node.size === 65_536
        ? [node, { level: 2, index: 0, hash: reference.root(0, 65_536), size: 65_536 }]
        : [node],
    );
    expect(completed).toEqual(expected);
    expect(hex(frontier.root())).toBe(reference.root(0, 70_000));
  });

  test('when the tree has more leaves than 32 bits count, then the nodes still have their places', () => {
    // All but the last leaf of a tree of 2^40 leaves.
    const size = 2 ** 40 - 1;
    const frontier = Frontier.parse({ size, bytes: new Uint8Array(40 * 32).fill(9) });
    const places = frontier.append(leafHash(leafAt(0))).map(({ level, index }) => [level, index]);
    const expected = [1, 2, 3, 4, 5].map((level) => [level, 2 ** (40 - 8 * level) - 1]);
    expect(places).toEqual(expected);
    expect(frontier.bytes().byteLength).toBe(32);
  });

  test.each([
    ['a hash too few', 5, 32],
    ['a hash too many', 5, 96],
    ['half a hash too many', 5, 80],
    ['no hash', 1, 0],
    ['a hash for no leaf', 0, 32],
    ['a negative size', -1, 32],
    ['a fraction as size', 1.5, 32],
    ['a size that numbers cannot tell apart', 2 ** 53, 32],
    ['no number as size', Number.NaN, 0],
  ])('when it would be read from %s, then it is refused', (_what, size, lengthBytes) => {
    expect(() => Frontier.parse({ size, bytes: new Uint8Array(lengthBytes) })).toThrow(RangeError);
  });
});

describe('an entry bundle', () => {
  test('when leaves are printed and parsed, then they are the same, and the bytes too', () => {
    const leaf = fc.oneof(
      fc.uint8Array({ maxLength: 40 }),
      fc.constantFrom(new Uint8Array(255), new Uint8Array(256), new Uint8Array(65_535)),
    );
    fc.assert(
      fc.property(fc.array(leaf, { maxLength: 8 }), (leaves) => {
        const bundle = printBundle(leaves);
        const parsed = parseBundle(bundle);
        expect(parsed?.map(hex)).toEqual(leaves.map(hex));
        expect(hex(printBundle(parsed ?? []))).toBe(hex(bundle));
      }),
      { numRuns: 50 },
    );
  });

  test('when it ends within a leaf or a length, then it is refused, wherever that is', () => {
    const bundle = printBundle([utf8('abc'), utf8(''), utf8('d')]);
    expect(hex(bundle)).toBe('00036162630000000164');
    const whole = [0, 5, 7, 10];
    for (let end = 0; end <= bundle.byteLength; end += 1) {
      const parsed = parseBundle(bundle.subarray(0, end));
      expect([end, parsed !== undefined]).toEqual([end, whole.includes(end)]);
    }
  });

  test('when a leaf is longer than its length can say, then it is not printed', () => {
    expect(() => printBundle([new Uint8Array(65_536)])).toThrow(RangeError);
  });
});

describe('the ranges of a proof', () => {
  function rootOfRange(range: { start: number; end: number }, leaves: readonly Uint8Array[]) {
    const parts = completeSubtrees(range).map(({ height, index }) => {
      const start = index * 2 ** height;
      return frontierOf(leaves.slice(start, start + 2 ** height)).root();
    });
    return hex(rootOf(parts));
  }

  const [A, B, C, D, E] = [
    '96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7',
    '5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e',
    '6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4',
    'bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b',
    'ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0',
  ];

  test.each([
    { index: 0, size: 1, path: [] },
    { index: 0, size: 8, path: [A, B, C] },
    { index: 5, size: 8, path: [D, E, CT_ROOTS[4]] },
    { index: 2, size: 3, path: [CT_ROOTS[2]] },
    { index: 1, size: 5, path: [CT_ROOTS[1], B, D] },
  ])('when leaf $index of $size is proven, then the path is the published one', (proof) => {
    const path = inclusionRanges(proof).map((range) => rootOfRange(range, CT_LEAVES));
    expect(path).toEqual(proof.path);
  });

  const F = '0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a';

  test.each([
    { fromSize: 1, toSize: 1, path: [] },
    { fromSize: 1, toSize: 8, path: [A, B, C] },
    { fromSize: 6, toSize: 8, path: [F, E, CT_ROOTS[4]] },
    { fromSize: 2, toSize: 5, path: [B, D] },
    { fromSize: 0, toSize: 8, path: [] },
  ])(
    'when $toSize leaves are proven to continue $fromSize, then the path is the published one',
    (proof) => {
      const path = consistencyRanges(proof).map((range) => rootOfRange(range, CT_LEAVES));
      expect(path).toEqual(proof.path);
    },
  );

  test('when the tree has more leaves than 32 bits count, then the ranges still meet', () => {
    const size = 2 ** 52 + 2 ** 33 + 1;
    for (const index of [0, 2 ** 33, 2 ** 52 - 1, 2 ** 52, size - 1]) {
      const ranges = [...inclusionRanges({ index, size }), { start: index, end: index + 1 }];
      const sorted = ranges.sort((a, b) => a.start - b.start);
      expect(sorted[0]?.start).toBe(0);
      expect(sorted.at(-1)?.end).toBe(size);
      for (const [at, { end }] of sorted.slice(0, -1).entries())
        expect(sorted[at + 1]?.start).toBe(end);
    }
  });
});

describe('a tile', () => {
  test('when it grows, then every subtree that it completes has the root of its leaves', () => {
    const leaves = leavesUpTo(TILE_WIDTH);
    const reference = new ReferenceTree(leaves);
    const tile = new Tile();
    for (const [index, leaf] of leaves.entries()) {
      tile.append(leafHash(leaf));
      const width = index + 1;
      expect(tile.width).toBe(width);
      for (let height = 0; height < 8 && width % 2 ** height === 0; height += 1) {
        const place = width / 2 ** height - 1;
        const root = reference.root(width - 2 ** height, width);
        expect(hex(tile.node(height, place))).toBe(root);
      }
    }
    for (let height = 0; height < 8; height += 1)
      for (let index = 0; index < TILE_WIDTH / 2 ** height; index += 1) {
        const start = index * 2 ** height;
        const root = reference.root(start, start + 2 ** height);
        expect(hex(tile.node(height, index))).toBe(root);
      }
    expect(hex(tile.bytes(3))).toBe([0, 1, 2].map((at) => reference.root(at, at + 1)).join(''));
  });

  test('when its bytes are changed by whom they were given to, then the tile is not', () => {
    const tile = new Tile();
    tile.append(leafHash(leafAt(0)));
    tile.bytes(1).fill(0);
    expect(hex(tile.node(0, 0))).toBe(hex(leafHash(leafAt(0))));
  });

  test('when it is full, then it takes no more', () => {
    const tile = new Tile();
    for (let index = 0; index < TILE_WIDTH; index += 1) tile.append(leafHash(leafAt(index)));
    expect(() => {
      tile.append(leafHash(leafAt(0)));
    }).toThrow(RangeError);
  });
});
