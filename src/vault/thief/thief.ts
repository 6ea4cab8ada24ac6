import { SecretBytes } from '../../crypto/secret-bytes.js';
import { rootKeyOf } from '../roots/root-key.js';
import { KEY_BYTES } from '../tree/key-node.js';
import { Closure } from './closure.js';
import { Corpus } from './corpus.js';
import { decodedRuns } from './encoded-runs.js';
import { KeyWindow, windowsIn } from './key-window.js';
import { Keyring } from './keyring.js';
import { readSecret } from './read-secret.js';
import type { Finding, ThiefReport } from './report.js';
import { mixedRoots, rootsOfEpochs } from './roots.js';
import { search } from './search.js';
import { bytesSource, fileSource, type Source } from './source.js';

/** Every window of a secret is tried, in two ways. */
const LONGEST_SECRET_BYTES = 1024 * 1024;
/** A key in base64 without padding. */
const SHORTEST_SECRET_DIGITS = 43;
const MEMORY_STRIDE_BYTES = 8;
const BYTE_VALUES = 256;

/**
 * Plays the adversary after an erasure: out of everything that leaked it tries every key that it
 * finds on every sealed blob, until nothing new opens. It knows the byte formats and nothing of the
 * tree, of tables or of collections, and believes no key id where it can afford to try.
 *
 * Secrets are wiped by `close`; files are only read.
 */
export class Thief {
  readonly #corpus = new Corpus();
  readonly #keys = new Keyring();
  readonly #closure = new Closure(this.#corpus, this.#keys);
  readonly #secrets: SecretBytes[] = [];
  readonly #memories: Source[] = [];
  readonly #window = new KeyWindow();
  #sources = 0;
  #seeds = 0;
  #triedBlobs = 0;
  #triedSecrets = 0;
  #triedMemories = 0;

  /** Searches bytes of which nothing is known: a dump, a database, a log. */
  async addBytes(source: string, bytes: Uint8Array): Promise<void> {
    await this.#search(source, bytesSource(bytes));
  }

  /** Searches a file of any size; throws what reading it throws. */
  async addFile(path: string): Promise<void> {
    await this.#search(path, fileSource(path));
  }

  /**
   * A root file, or another secret of at most 1 MiB: any 32 bytes of it, and of base64 or hex in it,
   * may be a key or the only share of a root. Whole root slots are put together with all others.
   * Throws what reading it throws, and RangeError when it is longer.
   */
  async addSecretFile(path: string): Promise<void> {
    this.#sources += 1;
    const secret = readSecret(path, LONGEST_SECRET_BYTES);
    this.#secrets.push(secret);
    await secret.use(async (bytes) => {
      await search(bytesSource(bytes), this.#corpus.sink(path));
      for (const decoded of decodedRuns(bytes, SHORTEST_SECRET_DIGITS))
        this.#secrets.push(SecretBytes.take(decoded));
    });
  }

  /** A memory dump, core file or disk image of any size: any 32 bytes at a multiple of 8 may be a key. */
  async addMemory(path: string): Promise<void> {
    const memory = fileSource(path);
    await this.#search(path, memory);
    this.#memories.push(memory);
  }

  /** Tries everything. May be called again after more was added; what was opened stays opened. */
  async run(): Promise<ThiefReport> {
    this.#beginAnewIfBlobsWereAdded();
    for (const root of rootsOfEpochs(this.#corpus.rootSlots)) this.#keys.add(root);
    this.#closure.openNodes();
    this.#tryGuesses();
    await this.#tryMemories();
    this.#closure.openNodes();
    this.#closure.openTemplates();
    return this.#report();
  }

  /** Wipes every key. Afterwards only the reports are left. */
  close(): void {
    for (const secret of this.#secrets) secret.wipe();
    this.#corpus.wipe();
    this.#keys.wipe();
    this.#window.wipe();
  }

  async #search(name: string, source: Source): Promise<void> {
    await search(source, this.#corpus.sink(name));
    this.#sources += 1;
  }

  #beginAnewIfBlobsWereAdded(): void {
    const blobs = this.#corpus.nodes.length + this.#corpus.templates.length;
    if (blobs === this.#triedBlobs) return;
    this.#triedBlobs = blobs;
    this.#triedSecrets = 0;
    this.#triedMemories = 0;
    this.#closure.restart();
  }

  /** Tries every window of the secrets, what shares make out of step, and keys that were overwritten. */
  #tryGuesses(): void {
    const secrets = this.#secrets.slice(this.#triedSecrets);
    this.#triedSecrets = this.#secrets.length;
    const roots = [...mixedRoots(this.#corpus.rootSlots)];
    const windows = secrets.reduce((sum, { lengthBytes }) => sum + lengthBytes, BYTE_VALUES);
    const attempt = this.#closure.trialOf(2 * windows + roots.length);
    for (const root of roots) {
      attempt(root);
      root.wipe();
    }
    const tryWindow = (bytes: Uint8Array, atByte: number) => {
      const window = this.#window.show(bytes, atByte);
      attempt(window);
      const root = rootKeyOf([window]);
      attempt(root);
      root.wipe();
      this.#seeds += 1;
    };
    for (let value = 0; value < BYTE_VALUES; value += 1)
      tryWindow(new Uint8Array(KEY_BYTES).fill(value), 0);
    for (const secret of secrets)
      secret.use((bytes) => {
        for (const atByte of windowsIn(bytes, 1)) tryWindow(bytes, atByte);
      });
  }

  async #tryMemories(): Promise<void> {
    for (const memory of this.#memories.slice(this.#triedMemories)) {
      for await (const { bytes } of memory.windows()) {
        for (const atByte of windowsIn(bytes, MEMORY_STRIDE_BYTES)) {
          this.#closure.takeIfNamed(this.#window.show(bytes, atByte));
          this.#seeds += 1;
        }
      }
    }
    this.#triedMemories = this.#memories.length;
  }

  #report(): ThiefReport {
    const { nodes, templates, keyNames, rootSlots } = this.#corpus;
    const findings = this.#findings();
    return {
      sources: this.#sources,
      nodes: nodes.length,
      templates: templates.length,
      keyNames: [...keyNames.values()].reduce((sum, names) => sum + names.size, 0),
      rootSlots: rootSlots.length,
      seeds: this.#seeds,
      keysFound: this.#keys.size,
      nodesOpened: nodes.filter(({ isOpened }) => isOpened).length,
      templatesOpened: templates.filter(({ isOpened }) => isOpened).length,
      rounds: this.#closure.rounds,
      isExhaustive: this.#closure.isExhaustive,
      findings,
    };
  }

  #findings(): readonly Finding[] {
    const opened = new Map<string, string>();
    for (const { keyId, source, isOpened } of this.#corpus.templates)
      if (isOpened && !opened.has(keyId)) opened.set(keyId, source);
    const names = [...this.#corpus.keyNames].flatMap(([keyId, texts]) =>
      [...texts].map((keyName) => ({ keyId, keyName })),
    );
    const nameless = [...opened.keys()].filter((keyId) => !this.#corpus.keyNames.has(keyId));
    return [...names, ...nameless.map((keyId) => ({ keyId, keyName: keyId }))]
      .map(({ keyId, keyName }) => {
        const via = opened.get(keyId);
        const isKeyFound = this.#keys.has(keyId);
        return {
          keyName,
          isOpened: via !== undefined,
          isKeyFound,
          ...(via !== undefined && { via }),
        };
      })
      .sort((a, b) => (a.keyName < b.keyName ? -1 : 1));
  }
}
