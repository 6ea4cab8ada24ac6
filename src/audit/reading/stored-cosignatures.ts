import type { Cosignature, LogSegment, LogStore } from '../log-store.js';
import { nodePrimitives } from '../offline/node-primitives.js';
import { parseNote } from '../offline/note.js';
import { parseVerifierKey } from '../offline/verifier-key.js';
import { findCosignature } from '../witness/cosigner.js';
import type { Findings } from './log-report.js';

/** More than there are witnesses of one checkpoint. */
const PAGE_COSIGNATURES = 1_024;

/** Verifies the stored cosignatures, each over the checkpoint of its size. */
export class StoredCosignatures {
  readonly #log: LogStore;
  readonly #findings: Findings;
  #page: readonly Cosignature[] = [];
  /** Every cosignature of a smaller size is in the page or was before it. */
  #readUpTo = 0;

  constructor(log: LogStore, findings: Findings) {
    this.#log = log;
    this.#findings = findings;
  }

  /** Segments must come in order; between two of them there is no checkpoint. */
  async expect({ size, checkpoint }: Pick<LogSegment, 'size' | 'checkpoint'>): Promise<void> {
    for (const cosignature of await this.#takeUpTo(size)) {
      const isValid = cosignature.size === size && (await isSigned(checkpoint, cosignature));
      if (!isValid) this.#refuse(cosignature);
    }
  }

  /** Finds those of no checkpoint, behind the last segment that was expected. */
  async end(size: number): Promise<void> {
    const beyond = await this.#log.readCosignatures(size + 1, PAGE_COSIGNATURES);
    // Read after the cosignatures: what was appended meanwhile may have its own.
    const newestSize = (await this.#log.head())?.size ?? 0;
    for (const cosignature of beyond) if (cosignature.size > newestSize) this.#refuse(cosignature);
  }

  async #takeUpTo(size: number): Promise<readonly Cosignature[]> {
    const taken: Cosignature[] = [];
    for (;;) {
      taken.push(...this.#page.filter((cosignature) => cosignature.size <= size));
      this.#page = this.#page.filter((cosignature) => cosignature.size > size);
      if (this.#page.length > 0 || this.#readUpTo > size) return taken;
      await this.#readPage();
    }
  }

  /** Reads on, and leaves a size of which there may be more for the next time. */
  async #readPage(): Promise<void> {
    const page = await this.#log.readCosignatures(this.#readUpTo, PAGE_COSIGNATURES);
    const last = page.length < PAGE_COSIGNATURES ? undefined : page.at(-1);
    const isOneSize = page[0]?.size === last?.size;
    this.#readUpTo =
      last === undefined ? Number.POSITIVE_INFINITY : last.size + (isOneSize ? 1 : 0);
    this.#page = page.filter(({ size }) => size < this.#readUpTo);
  }

  #refuse({ size, witness }: Cosignature): void {
    const [name = ''] = witness.split('+');
    this.#findings.problem(`cosignature ${size} ${name}`, 'COSIGNATURE_INVALID');
  }
}

async function isSigned(checkpoint: string, { witness, line }: Cosignature): Promise<boolean> {
  const key = await parseVerifierKey(nodePrimitives, witness);
  const note = parseNote(checkpoint + line);
  if (key?.type !== 'witness' || note === undefined) return false;
  return findCosignature(note, key)?.line === line;
}
