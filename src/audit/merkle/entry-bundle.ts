/** The length before each leaf: 2 bytes big-endian. */
const LENGTH_BYTES = 2;
const LEAF_LIMIT_BYTES = 0xffff;

/**
 * The entry bundle of these leaves (C2SP tlog-tiles): each preceded by its length in bytes, 2 bytes
 * big-endian. Throws a RangeError for a leaf of more than 65,535 bytes.
 *
 * ```text
 * 0003 616263  0000  0001 64      the leaves "abc", "" and "d"
 * ```
 */
export function printBundle(leaves: readonly Uint8Array[]): Uint8Array {
  const lengthBytes = leaves.reduce((sum, leaf) => sum + LENGTH_BYTES + leaf.byteLength, 0);
  const bundle = new Uint8Array(lengthBytes);
  let end = 0;
  for (const leaf of leaves) {
    if (leaf.byteLength > LEAF_LIMIT_BYTES)
      throw new RangeError('a leaf of the log is longer than 65,535 bytes');
    bundle[end] = leaf.byteLength >>> 8;
    bundle[end + 1] = leaf.byteLength & 0xff;
    bundle.set(leaf, end + LENGTH_BYTES);
    end += LENGTH_BYTES + leaf.byteLength;
  }
  return bundle;
}

/**
 * The leaves of an entry bundle, as views into it; undefined when the bytes end within a leaf or its
 * length. Printing them gives the same bytes.
 */
export function parseBundle(bundle: Uint8Array): readonly Uint8Array[] | undefined {
  const leaves: Uint8Array[] = [];
  let end = 0;
  while (end < bundle.byteLength) {
    const high = bundle[end];
    const low = bundle[end + 1];
    if (high === undefined || low === undefined) return undefined;
    const start = end + LENGTH_BYTES;
    end = start + high * 0x100 + low;
    if (end > bundle.byteLength) return undefined;
    leaves.push(bundle.subarray(start, end));
  }
  return leaves;
}
