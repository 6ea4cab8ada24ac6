import { writeFileSync } from 'node:fs';
import { templateKeyId } from '../../src/vault/template-seal.js';
import { Closure } from '../../src/vault/thief/closure.js';
import { Corpus } from '../../src/vault/thief/corpus.js';
import { type Judgement, judge } from '../../src/vault/thief/judge.js';
import { Keyring } from '../../src/vault/thief/keyring.js';
import { rootsOfEpochs } from '../../src/vault/thief/roots.js';
import { search } from '../../src/vault/thief/search.js';
import { fileSource } from '../../src/vault/thief/source.js';
import { Thief } from '../../src/vault/thief/thief.js';
import { parseNode } from '../../src/vault/tree/key-node.js';

/** What a thief got hold of: paths. */
export interface Loot {
  /** In which he looks for sealed things. */
  readonly corpus: readonly string[];
  /** Of which he also tries every 32 bytes as a key. */
  readonly secrets: readonly string[];
}

/** What the thief proves, given who lives. */
export async function judgedThief(
  { corpus, secrets }: Loot,
  known: { liveKeyNames: readonly string[]; otherKeyNames?: readonly string[] },
): Promise<Judgement> {
  const thief = new Thief();
  try {
    for (const path of corpus) await thief.addFile(path);
    for (const path of secrets) await thief.addSecretFile(path);
    const { liveKeyNames, otherKeyNames = [] } = known;
    return judge(await thief.run(), { liveKeyNames, pendingKeyNames: otherKeyNames });
  } finally {
    thief.close();
  }
}

/**
 * The different values of rows and documents, whatever holds them. Keys that somebody stored plainly
 * are among them; sealed nodes and templates are not, for they are in the corpus.
 */
export class StoredValues {
  readonly #values = new Set<string>();

  add(value: unknown): void {
    if (typeof value === 'string') this.#addBytes(Buffer.from(value));
    else if (value instanceof Uint8Array) this.#addBytes(value);
    else if (Array.isArray(value)) for (const item of value) this.add(item);
    else if (value instanceof Map) this.add([...value]);
    else if (typeof value === 'object' && value !== null) this.add(Object.values(value));
  }

  /** One after the other, text as UTF-8, each ended by a zero. */
  write(path: string): void {
    const ended = [...this.#values].map((value) => Buffer.from(`${value}\0`, 'latin1'));
    writeFileSync(path, Buffer.concat(ended), { mode: 0o600 });
  }

  #addBytes(bytes: Uint8Array): void {
    if (parseNode(bytes) !== undefined || templateKeyId(bytes) !== undefined) return;
    this.#values.add(Buffer.from(bytes).toString('latin1'));
  }
}

/** Keys as the owner of their root finds them in the nodes of dumps: to be leaked by a test. */
export async function keysNamed(
  keyNames: readonly string[],
  { rootPath, dumps }: { rootPath: string; dumps: readonly string[] },
): Promise<readonly Buffer[]> {
  const corpus = new Corpus();
  const keys = new Keyring();
  try {
    for (const path of [rootPath, ...dumps]) await search(fileSource(path), corpus.sink(path));
    for (const root of rootsOfEpochs(corpus.rootSlots)) keys.add(root);
    new Closure(corpus, keys).openNodes();
    const found = Array.from({ length: keys.size }, (_, index) => index);
    return keyNames.map((keyName) => {
      const index = found.find((at) => keyName.endsWith(`.${keys.idAt(at)}`));
      if (index === undefined) throw new Error(`${keyName} is not under this root`);
      return keys.keyAt(index).use((bytes) => Buffer.from(bytes));
    });
  } finally {
    corpus.wipe();
    keys.wipe();
  }
}
