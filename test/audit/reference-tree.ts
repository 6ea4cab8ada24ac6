import { createHash } from 'node:crypto';

/** The tree of RFC 6962 §2.1 word by word: recursive, over all leaves, with nothing kept but hashes. */
export class ReferenceTree {
  readonly #leaves: readonly Uint8Array[];
  readonly #hashes = new Map<string, string>();

  constructor(leaves: readonly Uint8Array[]) {
    this.#leaves = leaves;
  }

  /** MTH(D[start:end]), hex. */
  root(start: number, end: number): string {
    const place = `${start.toString()}:${end.toString()}`;
    const known = this.#hashes.get(place);
    if (known !== undefined) return known;
    const hash = this.#compute(start, end);
    this.#hashes.set(place, hash);
    return hash;
  }

  /** PATH(m, D[start:end]), hex. */
  inclusion(m: number, start: number, end: number): string[] {
    const n = end - start;
    if (n === 1) return [];
    const k = splitOf(n);
    return m < k
      ? [...this.inclusion(m, start, start + k), this.root(start + k, end)]
      : [...this.inclusion(m - k, start + k, end), this.root(start, start + k)];
  }

  /** PROOF(m, D[0:n]), hex. */
  consistency(m: number, n: number): string[] {
    return m === 0 ? [] : this.#subproof(m, [0, n], true);
  }

  #subproof(m: number, [start, end]: readonly [number, number], isWhole: boolean): string[] {
    const n = end - start;
    if (m === n) return isWhole ? [] : [this.root(start, end)];
    const k = splitOf(n);
    return m <= k
      ? [...this.#subproof(m, [start, start + k], isWhole), this.root(start + k, end)]
      : [...this.#subproof(m - k, [start + k, end], false), this.root(start, start + k)];
  }

  #compute(start: number, end: number): string {
    const n = end - start;
    if (n === 0) return sha256(new Uint8Array(0));
    if (n === 1) return sha256(Buffer.concat([Uint8Array.of(0), this.#leaves[start]!]));
    const k = splitOf(n);
    const children = `01${this.root(start, start + k)}${this.root(start + k, end)}`;
    return sha256(Buffer.from(children, 'hex'));
  }
}

/** The largest power of two smaller than n. */
function splitOf(n: number): number {
  let k = 1;
  while (2 * k < n) k *= 2;
  return k;
}

function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}
