import type { LogNode, LogStore } from '../log-store.js';
import { TILE_WIDTH } from '../merkle/tile.js';
import { equal } from '../offline/bytes.js';
import type { Findings } from './log-report.js';

const PAGE_NODES = 1_024;
/** No log that a number can count has a level above it. */
const HIGHEST_LEVEL = 6;

/** Some nodes of a level, by their index: all that are stored up to before `end`. */
interface Page {
  readonly hashes: ReadonlyMap<number, Uint8Array>;
  readonly end: number;
}

/** Compares the stored nodes with those that the leaves give. */
export class StoredNodes {
  readonly #log: LogStore;
  readonly #findings: Findings;
  readonly #pages = new Map<number, Page>();

  constructor(log: LogStore, findings: Findings) {
    this.#log = log;
    this.#findings = findings;
  }

  /** Those of one level must come in order. */
  async expect({ level, index, hash }: LogNode): Promise<void> {
    const place = `node ${level}/${index}`;
    const stored = await this.#find(level, index);
    if (stored === undefined) this.#findings.problem(place, 'NODE_MISSING');
    else if (!equal(stored, hash)) this.#findings.problem(place, 'NODE_MISMATCH');
  }

  /** Finds what is stored beyond the leaves, of which there were so many or more. */
  async end(size: number): Promise<void> {
    const beyond: LogNode[] = [];
    for (let level = 1; level <= HIGHEST_LEVEL; level += 1) {
      const index = Math.floor(size / TILE_WIDTH ** level);
      beyond.push(...(await this.#log.readNodes({ level, index }, PAGE_NODES)));
    }
    // Read after the nodes: what was appended meanwhile has its leaves.
    const newestSize = (await this.#log.head())?.size ?? 0;
    for (const { level, index } of beyond)
      if ((index + 1) * TILE_WIDTH ** level > newestSize)
        this.#findings.problem(`node ${level}/${index}`, 'NODE_SURPLUS');
  }

  async #find(level: number, index: number): Promise<Uint8Array | undefined> {
    let page = this.#pages.get(level);
    if (page === undefined || index >= page.end) {
      page = await this.#readPage(level, index);
      this.#pages.set(level, page);
    }
    return page.hashes.get(index);
  }

  async #readPage(level: number, index: number): Promise<Page> {
    const nodes = await this.#log.readNodes({ level, index }, PAGE_NODES);
    const last = nodes.length < PAGE_NODES ? undefined : nodes.at(-1);
    return {
      hashes: new Map(nodes.map((node) => [node.index, node.hash])),
      end: last === undefined ? Number.POSITIVE_INFINITY : last.index + 1,
    };
  }
}
