import type {
  Cosignature,
  LogHead,
  LogKey,
  LogKeyStore,
  LogNode,
  LogSegment,
  LogStore,
  PendingEntry,
  PendingEntryStore,
} from '../../src/audit/log-store.js';
import type { Review } from '../../src/audit/reviews/review-store.js';
import { timeOrderedId } from '../../src/lib/ids.js';
import { requireFit } from '../../src/store/log-extension.js';

const byId = (a: PendingEntry, b: PendingEntry) => (a.entryId < b.entryId ? -1 : 1);
const copyOf = <T extends object>(row: T): T => structuredClone(row);

/** A log store in memory. Its rows lie open, so that a test can look at them or change them. */
export class MemoryLog implements LogStore, PendingEntryStore, LogKeyStore {
  /** By entry id. */
  pending = new Map<string, PendingEntry>();
  reviews: Review[] = [];
  segments: LogSegment[] = [];
  nodes: LogNode[] = [];
  keys: LogKey[] = [];
  cosignatures: Cosignature[] = [];
  indexes = new Map<string, number>();
  /** Every call that reads leaves or nodes, in order. */
  readonly reads: string[] = [];
  #lastTransaction: Promise<unknown> = Promise.resolve();

  /** The log is its own store: these three are the ports under the names that a store has them by. */
  get log(): LogStore {
    return this;
  }

  get audit(): PendingEntryStore {
    return this;
  }

  get logKeys(): LogKeyStore {
    return this;
  }

  /** One transaction after the other; what the work throws undoes it. */
  async transaction<T>(work: (stores: this) => Promise<T>): Promise<T> {
    const run = this.#lastTransaction.then(async () => {
      const { pending, reviews, keys } = this;
      this.pending = new Map(pending);
      this.reviews = [...reviews];
      this.keys = [...keys];
      try {
        return await work(this);
      } catch (error) {
        Object.assign(this, { pending, reviews, keys });
        throw error;
      }
    });
    this.#lastTransaction = run.catch(() => undefined);
    return await run;
  }

  async append({ review, ...entry }: PendingEntry & { review?: Review }): Promise<void> {
    const { entryId } = entry;
    if (this.pending.has(entryId) || this.indexes.has(entryId)) return;
    this.pending.set(entryId, copyOf(entry));
    if (review !== undefined) this.reviews.push(copyOf(review));
  }

  async list(): Promise<readonly LogKey[]> {
    return this.keys.map(copyOf);
  }

  async insert(key: LogKey): Promise<boolean> {
    if (this.keys.some(({ generation }) => generation === key.generation)) return false;
    this.keys = [...this.keys, copyOf(key)].sort((a, b) => a.generation - b.generation);
    return true;
  }

  async retire(generation: number, signsUntilMs: number): Promise<void> {
    this.keys = this.keys.map((key) =>
      key.generation === generation ? { ...key, signsUntilMs } : key,
    );
  }

  sequence: LogStore['sequence'] = async (limit, extend) => {
    const moved = [...this.pending.values()].sort(byId).slice(0, limit);
    if (moved.length === 0) return 0;
    const head = this.#head();
    const extension = extend({ head, keys: this.keys.map(copyOf) }, moved.map(copyOf));
    requireFit(extension, { head, count: moved.length });
    const { segment, nodes } = copyOf(extension);
    this.segments.push(segment);
    this.nodes.push(...nodes);
    for (const [offset, { entryId }] of moved.entries()) {
      this.indexes.set(entryId, segment.start + offset);
      this.pending.delete(entryId);
    }
    return moved.length;
  };

  async head(): Promise<LogHead | undefined> {
    return this.#head();
  }

  async findIndex(entryId: string): Promise<number | undefined> {
    return this.indexes.get(entryId);
  }

  async findCheckpoint(index: number) {
    this.reads.push(`checkpoint ${index.toString()}`);
    const covering = this.segments.find(({ size }) => size > index);
    return covering && { size: covering.size, checkpoint: covering.checkpoint };
  }

  async readSegments(fromIndex: number, limit: number): Promise<readonly LogSegment[]> {
    this.reads.push(`segments ${fromIndex.toString()} ${limit.toString()}`);
    return this.segments.filter(({ size }) => size > fromIndex).slice(0, limit);
  }

  async readNodes(
    { level, index }: { level: number; index: number },
    limit: number,
  ): Promise<readonly LogNode[]> {
    this.reads.push(`nodes ${level.toString()} ${index.toString()} ${limit.toString()}`);
    return this.nodes
      .filter((node) => node.level === level && node.index >= index)
      .sort((a, b) => a.index - b.index)
      .slice(0, limit);
  }

  async forgetEntriesBefore(beforeMs: number, limit: number): Promise<number> {
    const timePrefix = timeOrderedId(beforeMs).slice(0, 13);
    const outdated = [...this.indexes.keys()]
      .filter((entryId) => entryId < timePrefix)
      .sort()
      .slice(0, limit);
    for (const entryId of outdated) this.indexes.delete(entryId);
    return outdated.length;
  }

  async addCosignature(cosignature: Cosignature): Promise<void> {
    const { size, witness } = cosignature;
    const isThere = this.cosignatures.some(
      (other) => other.size === size && other.witness === witness,
    );
    if (!isThere) this.cosignatures.push(copyOf(cosignature));
  }

  async readCosignatures(fromSize: number, limit: number): Promise<readonly Cosignature[]> {
    return this.cosignatures
      .filter(({ size }) => size >= fromSize)
      .sort((a, b) => a.size - b.size || (a.witness < b.witness ? -1 : 1))
      .slice(0, limit);
  }

  async findLargestCosigned(): Promise<number | undefined> {
    const sizes = this.cosignatures.map(({ size }) => size);
    return sizes.length === 0 ? undefined : Math.max(...sizes);
  }

  #head(): LogHead | undefined {
    const last = this.segments.at(-1);
    if (last === undefined) return undefined;
    const { size, frontier, checkpoint } = copyOf(last);
    return { size, frontier, checkpoint };
  }
}
