import { HOUR_MS, SECOND_MS } from '../../lib/clock.js';
import { type LogLeaf, parseLeaf } from '../leaf.js';
import type { LogNode } from '../log-store.js';
import { Frontier } from '../merkle/frontier.js';
import { leafHash } from '../merkle/tree-hash.js';
import { base64url, equal, parseUtf8 } from '../offline/bytes.js';
import type { Checkpoint } from '../offline/checkpoint.js';
import type { VerifierKey } from '../offline/verifier-key.js';
import type { Findings } from './log-report.js';

/** Clocks of several machines differ, and are set; beyond this it is worth a look. */
const TOLERANCE_SECONDS = HOUR_MS / SECOND_MS;

/** What the leaves themselves say. */
export interface LeafExtent {
  readonly leaves: number;
  /** Unix seconds of the first and the last leaf, as the service stated them. */
  readonly fromSeconds: number | undefined;
  readonly toSeconds: number | undefined;
}

/**
 * Goes through the leaves of a log from the first on and judges each: its form, its time, and where a
 * checkpoint was kept, whether it signed these leaves. Holds the right edge of the tree only.
 */
export class LeafWalk {
  readonly #findings: Findings;
  readonly #givenKeys: ReadonlySet<string>;
  readonly #kept: Checkpoint | undefined;
  readonly #announcedKeys = new Set<string>();
  #frontier = Frontier.empty();
  #leaves = 0;
  #fromSeconds: number | undefined;
  #toSeconds: number | undefined;
  #latestSeconds = 0;

  constructor(
    findings: Findings,
    against: { logKeys: readonly VerifierKey[]; kept: Checkpoint | undefined },
  ) {
    this.#findings = findings;
    this.#givenKeys = new Set(against.logKeys.map(keyText));
    this.#kept = against.kept;
    this.#compareWithKept();
  }

  /** Number of leaves before the place where it stands. */
  get size(): number {
    return this.#frontier.size;
  }

  get extent(): LeafExtent {
    return { leaves: this.#leaves, fromSeconds: this.#fromSeconds, toSeconds: this.#toSeconds };
  }

  /** Root of the tree up to where it stands, 32 bytes. */
  root(): Uint8Array {
    return this.#frontier.root();
  }

  /** The frontier there, as it is stored. */
  frontierBytes(): Uint8Array {
    return this.#frontier.bytes();
  }

  /** Takes the next leaf; returns its hash and the nodes that it completed. */
  append(bytes: Uint8Array): { hash: Uint8Array; nodes: readonly LogNode[] } {
    const place = `leaf ${this.size}`;
    const leaf = parseLeaf(parseUtf8(bytes) ?? '');
    if (leaf === undefined) this.#findings.problem(place, 'LEAF_INVALID');
    else this.#read(leaf, place);
    const hash = leafHash(bytes);
    const nodes = this.#frontier.append(hash);
    this.#leaves += 1;
    this.#compareWithKept();
    return { hash, nodes };
  }

  /** Goes on behind leaves that it could not read, from a frontier that somebody signed. */
  resume(frontier: Frontier): void {
    this.#frontier = frontier;
    this.#compareWithKept();
  }

  /** Whether a leaf announced this key. */
  announces(key: VerifierKey): boolean {
    return this.#announcedKeys.has(keyText(key));
  }

  /** Whether every key that a leaf announced is one of these. */
  announcesOnly(keys: readonly VerifierKey[]): boolean {
    const known = new Set(keys.map(keyText));
    return [...this.#announcedKeys].every((key) => known.has(key));
  }

  #read({ t, op, key }: LogLeaf, place: string): void {
    this.#fromSeconds ??= t;
    this.#toSeconds = t;
    const ranBack = t < this.#latestSeconds - TOLERANCE_SECONDS;
    if (ranBack) this.#findings.observe(place, 'TIME_RAN_BACK');
    // Told once: what follows is measured by the clock as it was set.
    this.#latestSeconds = ranBack ? t : Math.max(t, this.#latestSeconds);
    if (op !== 'LOG-KEY' || key === undefined) return;
    this.#announcedKeys.add(key);
    if (!this.#givenKeys.has(key)) this.#findings.observe(place, 'LOG_KEY_NOT_GIVEN');
  }

  #compareWithKept(): void {
    if (this.#kept?.size === this.size && !equal(this.#kept.rootHash, this.root()))
      this.#findings.problem('log', 'HISTORY_REWRITTEN');
  }
}

/** As a leaf spells a key. */
function keyText({ publicKey }: VerifierKey): string {
  return base64url(publicKey);
}
