import { createHash, randomBytes } from 'node:crypto';
import { describe, expect, test } from '@jest/globals';
import { type Read, Scanner } from './scanner.js';

const MEBIBYTE = 1 << 20;

function tombstone(prefix: 'rc' | 'dc', key: Uint8Array): string {
  return createHash('sha256').update(prefix).update(key).digest('base64url');
}

/** Reads out of one buffer, as much at a time as is asked for. */
function reading(bytes: Uint8Array): Read {
  return (into, offset) => {
    const part = bytes.subarray(offset, offset + into.byteLength);
    into.set(part);
    return part.byteLength;
  };
}

function scan(bytes: Uint8Array, tombstones: { rc?: string[]; dc?: string[] }, strideBytes = 1) {
  const { rc = [], dc = [] } = tombstones;
  const scanner = new Scanner({ retiredRoots: rc, destroyedKeys: dc }, { strideBytes });
  return scanner.scan(reading(bytes), { from: 0, to: bytes.byteLength });
}

describe('the scanner', () => {
  const key = randomBytes(32);
  const hash = tombstone('dc', key);

  test.each([
    ['at the start', 0],
    ['one byte in', 1],
    ['at the end of the first chunk', MEBIBYTE - 32],
    ['across two chunks', MEBIBYTE - 31],
    ['across two chunks by its last byte', MEBIBYTE - 1],
    ['at the start of the second chunk', MEBIBYTE],
    ['at the very end', 2 * MEBIBYTE + 100 - 32],
  ])('when a key stands %s, then it is found there, once', (_where, offset) => {
    const bytes = new Uint8Array(2 * MEBIBYTE + 100);
    bytes.set(key, offset);
    expect(scan(bytes, { dc: [hash] })).toEqual([{ hash, offset }]);
  });

  test('when a key stands among random bytes, then every copy is found', () => {
    const bytes = randomBytes(5_000);
    bytes.set(key, 17);
    bytes.set(key, 4_001);
    expect(scan(bytes, { dc: [hash] }).map(({ offset }) => offset)).toEqual([17, 4_001]);
  });

  test('when keys and roots are sought, then each is found under its own prefix alone', () => {
    const root = randomBytes(32);
    const bytes = new Uint8Array(256);
    bytes.set(key, 32);
    bytes.set(root, 96);
    const rootHash = tombstone('rc', root);
    expect(scan(bytes, { rc: [rootHash], dc: [hash] })).toEqual([
      { hash, offset: 32 },
      { hash: rootHash, offset: 96 },
    ]);
    expect(scan(bytes, { rc: [hash], dc: [rootHash] })).toEqual([]);
  });

  test('when a key has one byte changed, or its end is missing, then it is not found', () => {
    const changed = Uint8Array.from(key);
    changed[31] = (changed[31] ?? 0) ^ 1;
    expect(scan(changed, { dc: [hash] })).toEqual([]);
    expect(scan(key.subarray(0, 31), { dc: [hash] })).toEqual([]);
    expect(scan(new Uint8Array(0), { dc: [hash] })).toEqual([]);
  });

  test('when the stride is 8, then a key is found at every multiple of 8 and nowhere else', () => {
    const bytes = new Uint8Array(MEBIBYTE + 64);
    bytes.set(key, MEBIBYTE - 8);
    expect(scan(bytes, { dc: [hash] }, 8)).toHaveLength(1);
    bytes.fill(0);
    bytes.set(key, MEBIBYTE - 4);
    expect(scan(bytes, { dc: [hash] }, 8)).toEqual([]);
    expect(scan(bytes, { dc: [hash] }, 4)).toHaveLength(1);
  });

  test('when a range does not start at a multiple of the stride, then offsets count from zero', () => {
    const bytes = new Uint8Array(256);
    bytes.set(key, 64);
    const scanner = new Scanner({ retiredRoots: [], destroyedKeys: [hash] }, { strideBytes: 16 });
    const hits = scanner.scan(reading(bytes), { from: 5, to: 256 });
    expect(hits).toEqual([{ hash, offset: 64 }]);
    expect(scanner.scan(reading(bytes), { from: 5, to: 95 })).toEqual([]);
  });

  test('when 50000 random keys are sought, then none is passed over as improbable', () => {
    const count = 50_000;
    const bytes = randomBytes(count * 32);
    const dc = Array.from({ length: count }, (_, at) =>
      tombstone('dc', bytes.subarray(at * 32, at * 32 + 32)),
    );
    expect(scan(bytes, { dc }, 32)).toHaveLength(count);
  });
});
