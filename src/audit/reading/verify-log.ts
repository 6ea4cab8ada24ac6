import type { LogNode } from '../log-store.js';
import { parseBundle } from '../merkle/entry-bundle.js';
import { TILE_WIDTH } from '../merkle/tile.js';
import { HASH_BYTES } from '../merkle/tree-hash.js';
import { concat, equal } from '../offline/bytes.js';
import type { Checkpoint } from '../offline/checkpoint.js';
import { parseKeyList } from './key-list.js';
import { type LeafExtent, LeafWalk } from './leaf-walk.js';
import { Findings, type FindingsReport } from './log-report.js';
import type { LogSource } from './log-source.js';
import {
  checkHead,
  checkKept,
  comparableKept,
  type Expectation,
  type SignedHead,
} from './signed-head.js';
import { printTilePath } from './tile-path.js';

/** What was found. The log is sound when `problemCount` is 0. */
export interface LogReport extends FindingsReport, LeafExtent {
  readonly origin: string | undefined;
  /** Verifier keys of the log under the checkpoint. */
  readonly signedBy: readonly string[];
  /** Witnesses of the policy, by their verifier keys. */
  readonly cosignedBy: readonly { readonly witness: string; readonly timeSeconds: number }[];
  /** The newest checkpoint, a signed note, when there is no problem: worth keeping for the next time. */
  readonly checkpoint: string | undefined;
}

/**
 * Verifies a published log from its first leaf to its newest checkpoint: signatures, the form of every
 * leaf, every tile, the root, the keys, and, if a checkpoint was kept, that the log still begins with
 * what it signed. Holds one bundle and the right edge of the tree. It does not throw on anything that
 * a log can hold; it throws what the source throws when it cannot be read.
 *
 * Without a kept checkpoint and without witnesses, a log that whoever holds its key wrote anew is not
 * told from the true one. Times are statements of the service; they are observed, not judged.
 */
export async function verifyLog(source: LogSource, expectation: Expectation): Promise<LogReport> {
  const findings = new Findings();
  const kept = await checkKept(findings, expectation);
  const head = await checkHead(findings, await source.checkpoint(), expectation);
  const comparable = head && comparableKept(findings, kept, head.checkpoint);
  const walk = new LeafWalk(findings, { logKeys: expectation.logKeys, kept: comparable });
  if (head !== undefined) await walkLog({ source, findings, walk }, head);
  return reportOf(findings, walk, head);
}

/** What the report says of the log as a whole. */
export function reportOf(
  findings: Findings,
  walk: LeafWalk,
  head: SignedHead | undefined,
): LogReport {
  const found = findings.report();
  return {
    origin: head?.checkpoint.origin,
    ...walk.extent,
    signedBy: head?.signedBy.map(({ vkey }) => vkey) ?? [],
    cosignedBy:
      head?.cosignedBy.map(({ key, timeSeconds }) => ({ witness: key.vkey, timeSeconds })) ?? [],
    checkpoint: found.problemCount === 0 ? head?.note : undefined,
    ...found,
  };
}

/** Every key that signs must be announced by a leaf; a log before its first announcement has one key. */
export function checkSigners(
  findings: Findings,
  walk: LeafWalk,
  { signedBy }: Pick<SignedHead, 'signedBy'>,
): void {
  if (walk.announcesOnly([]) && signedBy.length === 1) return;
  for (const key of signedBy)
    if (!walk.announces(key)) findings.problem('checkpoint', 'LOG_KEY_UNANNOUNCED');
}

interface Verification {
  readonly source: LogSource;
  readonly findings: Findings;
  readonly walk: LeafWalk;
}

async function walkLog(verification: Verification, head: SignedHead): Promise<void> {
  const { findings, walk } = verification;
  const { size, rootHash } = head.checkpoint;
  if (size === 0) findings.problem('log', 'LOG_EMPTY');
  const upper = new UpperTiles(verification);
  while (walk.size < size) {
    const nodes = await walkBundle(verification, size);
    if (nodes === undefined) return;
    for (const node of nodes) await upper.add(node);
  }
  await upper.end();
  if (!equal(walk.root(), rootHash)) findings.problem('checkpoint', 'ROOT_MISMATCH');
  checkSigners(findings, walk, head);
  await checkKeyList(verification, head.checkpoint);
}

/** The next 256 leaves, or those that are left: returns the nodes that they completed. */
async function walkBundle(
  { source, findings, walk }: Verification,
  size: number,
): Promise<readonly LogNode[] | undefined> {
  const index = walk.size / TILE_WIDTH;
  const width = Math.min(TILE_WIDTH, size - walk.size);
  const path = printTilePath({ level: 'entries', index, width });
  const tilePath = printTilePath({ level: 0, index, width });
  const [bundle, tile] = await Promise.all([source.resource(path), source.resource(tilePath)]);
  const leaves = bundle && parseBundle(bundle);
  if (leaves?.length !== width) {
    findings.problem(path, bundle === undefined ? 'ENTRIES_MISSING' : 'ENTRIES_MALFORMED');
    return undefined;
  }
  const appended = leaves.map((leaf) => walk.append(leaf));
  compareTile(findings, { path: tilePath, tile, hashes: appended.map(({ hash }) => hash) });
  return appended.flatMap(({ nodes }) => nodes);
}

/** The tiles above the leaves, each compared as soon as it is full. */
class UpperTiles {
  readonly #verification: Verification;
  /** Of every level from 1 on the hashes of the tile that is not yet full. */
  readonly #levels: { index: number; hashes: Uint8Array[] }[] = [];

  constructor(verification: Verification) {
    this.#verification = verification;
  }

  async add({ level, hash }: LogNode): Promise<void> {
    const place = (this.#levels[level - 1] ??= { index: 0, hashes: [] });
    place.hashes.push(hash);
    if (place.hashes.length < TILE_WIDTH) return;
    await this.#compare(level);
    this.#levels[level - 1] = { index: place.index + 1, hashes: [] };
  }

  async end(): Promise<void> {
    for (const [below, { hashes }] of this.#levels.entries())
      if (hashes.length > 0) await this.#compare(below + 1);
  }

  async #compare(level: number): Promise<void> {
    const { index = 0, hashes = [] } = this.#levels[level - 1] ?? {};
    const path = printTilePath({ level, index, width: hashes.length });
    const tile = await this.#verification.source.resource(path);
    compareTile(this.#verification.findings, { path, tile, hashes });
  }
}

function compareTile(
  findings: Findings,
  found: { path: string; tile: Uint8Array | undefined; hashes: readonly Uint8Array[] },
): void {
  const { path, tile, hashes } = found;
  if (tile === undefined) findings.problem(path, 'TILE_MISSING');
  else if (tile.byteLength !== hashes.length * HASH_BYTES || !equal(tile, concat(...hashes)))
    findings.problem(path, 'TILE_MISMATCH');
}

/** The list may be ahead of the leaves: a key comes into use with a leaf that waits for its place. */
async function checkKeyList(
  { source, findings, walk }: Verification,
  { origin }: Checkpoint,
): Promise<void> {
  const list = await source.resource('keys');
  const keys = list && (await parseKeyList(list));
  const isComplete = keys !== undefined && walk.announcesOnly(keys);
  if (!isComplete || keys.some(({ name }) => name !== origin))
    findings.problem('keys', 'KEYS_MISMATCH');
  else if (!keys.every((key) => walk.announces(key)))
    findings.observe('keys', 'KEY_NOT_ANNOUNCED_YET');
}
