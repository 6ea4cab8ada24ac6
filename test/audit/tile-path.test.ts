import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { parseTilePath, printTilePath, tilePathsOf } from '../../src/audit/reading/tile-path.js';

describe('the path of a tile', () => {
  test.each([
    ['tile/0/000', { level: 0, index: 0, width: 256 }],
    ['tile/0/000.p/1', { level: 0, index: 0, width: 1 }],
    ['tile/1/x001/x234/067', { level: 1, index: 1_234_067, width: 256 }],
    ['tile/63/999.p/255', { level: 63, index: 999, width: 255 }],
    ['tile/entries/x001/000', { level: 'entries', index: 1_000, width: 256 }],
    ['tile/entries/x001/000.p/16', { level: 'entries', index: 1_000, width: 16 }],
  ] as const)('when it is %s, then it is read and printed so', (text, path) => {
    expect(parseTilePath(text)).toEqual(path);
    expect(printTilePath(path)).toBe(text);
  });

  test('when any place is printed, then reading it gives the place again', () => {
    const level = fc.oneof(fc.constant('entries' as const), fc.nat(63));
    const path = fc.record({
      level,
      index: fc.maxSafeNat(),
      width: fc.integer({ min: 1, max: 256 }),
    });
    fc.assert(
      fc.property(path, (place) => {
        expect(parseTilePath(printTilePath(place))).toEqual(place);
      }),
    );
  });

  test('when any text is read, then only what is printed for its place is taken', () => {
    const part = fc.constantFrom('tile', '/', '0', '1', '9', '000', 'x', 'x001', '.p/', 'entries');
    fc.assert(
      fc.property(fc.array(part, { maxLength: 9 }), (parts) => {
        const place = parseTilePath(parts.join(''));
        if (place !== undefined) expect(printTilePath(place)).toBe(parts.join(''));
      }),
    );
  });

  test.each([
    ['an index of two digits', 'tile/0/00'],
    ['an index of four digits', 'tile/0/0000'],
    ['a needless group', 'tile/0/x000/001'],
    ['a group without its x', 'tile/0/001/000'],
    ['an x before the last group', 'tile/0/x001'],
    ['a capital X', 'tile/0/X001/000'],
    ['an index beyond what a number can count', 'tile/0/x009/x007/x199/x254/x740/992'],
    ['too many groups', 'tile/0/x001/x000/x000/x000/x000/x000/000'],
    ['a level with a zero before it', 'tile/00/000'],
    ['a level above 63', 'tile/64/000'],
    ['a level below 0', 'tile/-1/000'],
    ['an unknown level', 'tile/data/000'],
    ['no width', 'tile/0/000.p/'],
    ['width 0', 'tile/0/000.p/0'],
    ['the width of a full tile', 'tile/0/000.p/256'],
    ['a width above it', 'tile/0/000.p/999'],
    ['a width with a zero before it', 'tile/0/000.p/01'],
    ['a slash at the end', 'tile/0/000/'],
    ['a slash before it', '/tile/0/000'],
    ['two slashes', 'tile//0/000'],
    ['a line feed at the end', 'tile/0/000\n'],
    ['a way up', 'tile/0/../0/000'],
    ['percent-encoding', 'tile/0/%30%30%30'],
    ['digits of another script', 'tile/0/٠٠٠'],
    ['nothing', ''],
  ])('when it has %s, then it is none', (_, text) => {
    expect(parseTilePath(text)).toBeUndefined();
  });
});

describe('the tiles of a log', () => {
  const pathsOf = (size: number) => [...tilePathsOf(size)].map(printTilePath);

  test('when it is empty, then there are none', () => {
    expect(pathsOf(0)).toEqual([]);
  });

  test('when it has one leaf, then there is one tile and one bundle', () => {
    expect(pathsOf(1)).toEqual(['tile/entries/000.p/1', 'tile/0/000.p/1']);
  });

  test('when it has 256 leaves, then the tile is full and another begins above it', () => {
    expect(pathsOf(256)).toEqual(['tile/entries/000', 'tile/0/000', 'tile/1/000.p/1']);
  });

  test('when it has 70,000 leaves, then there are as many of each level as the specification counts', () => {
    const paths = pathsOf(70_000);
    const under = (prefix: string) => paths.filter((path) => path.startsWith(prefix));
    expect(under('tile/entries/')).toHaveLength(274);
    expect(under('tile/0/')).toHaveLength(274);
    expect(under('tile/0/').at(-1)).toBe('tile/0/273.p/112');
    expect(under('tile/1/')).toEqual(['tile/1/000', 'tile/1/001.p/17']);
    expect(under('tile/2/')).toEqual(['tile/2/000.p/1']);
    expect(paths).toHaveLength(274 + 274 + 2 + 1);
  });
});
