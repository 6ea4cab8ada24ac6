import { extendLog } from '../../src/audit/extend-log.js';
import { createLogKeyring, type LogKeyring } from '../../src/audit/log-keys.js';
import type { LogHead } from '../../src/audit/log-store.js';
import { nodePrimitives } from '../../src/audit/offline/node-primitives.js';
import { noteWith, signatureLine } from '../../src/audit/offline/note.js';
import { parseVerifierKey, type VerifierKey } from '../../src/audit/offline/verifier-key.js';
import { createTreeReader, type TreeReader } from '../../src/audit/tree-reader.js';
import { SecretBytes } from '../../src/crypto/secret-bytes.js';
import { utf8 } from '../../src/lib/bytes.js';
import { MemoryLog } from './memory-log.js';

/** A signed log in memory that grows when it is told to. */
export class GrowingLog {
  readonly store = new MemoryLog();
  readonly reader: TreeReader = createTreeReader(this.store);
  readonly origin: string;
  readonly #keyring: LogKeyring;
  #leaves = 0;

  /** Logs of one origin and seed have the same keys. */
  constructor({ origin = 'log.example/log', seed = 1 }: { origin?: string; seed?: number } = {}) {
    this.origin = origin;
    this.#keyring = createLogKeyring(SecretBytes.take(new Uint8Array(32).fill(seed)));
    this.addKey(1);
  }

  /** Gives the log a further key, which signs beside those that it has. */
  addKey(generation: number): void {
    const { vkey } = this.#keyring.derive(generation, this.origin);
    this.store.keys = this.store.keys.map((key) => ({ signsUntilMs: Infinity, ...key }));
    this.store.keys.push({ generation, vkey, createdAtMs: 0 });
  }

  async keys(): Promise<readonly VerifierKey[]> {
    const keys = await Promise.all(
      this.store.keys.map(({ vkey }) => parseVerifierKey(nodePrimitives, vkey)),
    );
    return keys.map((key) => key!);
  }

  /** A note as the first key of the log signs it, whatever the text says. */
  sign(noteText: string): string {
    const { name, keyId, sign } = this.#keyring.derive(1, this.origin);
    const signature = sign(utf8(noteText));
    return noteWith(noteText, [signatureLine({ name, keyId, signature })]);
  }

  /** Appends leaves under one checkpoint; other words make another log. */
  async grow(count: number, word = 'leaf'): Promise<LogHead> {
    for (let added = 0; added < count; added += 1) {
      this.#leaves += 1;
      const entryId = this.#leaves.toString().padStart(12, '0');
      await this.store.append({ entryId, leaf: `${word} ${this.#leaves.toString()}` });
    }
    await this.store.sequence(count, (state, pending) =>
      extendLog(state, pending, { keyring: this.#keyring, nowMs: 0 }),
    );
    return (await this.store.head())!;
  }
}
