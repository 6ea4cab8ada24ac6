import { randomBytes } from 'node:crypto';
import { SecretBytes } from '../../src/crypto/secret-bytes.js';
import { keyIdText, printKeyName } from '../../src/vault/key-name.js';
import { rootKeyOf } from '../../src/vault/roots/root-key.js';
import { printSlot } from '../../src/vault/roots/root-slot.js';
import { sealTemplate } from '../../src/vault/template-seal.js';
import {
  FAN_OUT,
  KEY_BYTES,
  NODE_PLAINTEXT_BYTES,
  type NodePlace,
  sealNode,
} from '../../src/vault/tree/key-node.js';
import { face } from '../support/embeddings.js';

const ROOT_ID = 'q83vEjRWeJA';
const TREE = 1;
/** Less than a slot: a thief tries every window of it. */
const NOISE_BYTES = 100;

interface Enrolled {
  readonly slot: number;
  readonly keyName: string;
  readonly sealedTemplate: Uint8Array;
}

type Seal = typeof sealNode;

/**
 * A key tree made by hand, with every blob that it ever wrote: the root opens the directory, which
 * opens the top of a single tree, which opens its leaves, which hold enrolment keys.
 */
export class SmallTree {
  /** Every blob that was ever written, in order. */
  readonly written: Uint8Array[] = [];
  readonly enrolled = new Map<string, Enrolled>();
  /** The epoch of the root and its shares, one for each root store. */
  epoch = 1;
  shares: Uint8Array[];
  readonly #seal: Seal;
  #directory = new Uint8Array(NODE_PLAINTEXT_BYTES);
  #top = new Uint8Array(NODE_PLAINTEXT_BYTES);
  readonly #leaves = new Map<number, Uint8Array>();

  constructor({ shares = 1, seal = sealNode }: { shares?: number; seal?: Seal } = {}) {
    this.#seal = seal;
    this.shares = Array.from({ length: shares }, randomKey);
    this.#write({ tree: 0, level: 0, index: 0 }, this.root(), this.#directory);
  }

  /** The file of each root store: the slot of this epoch, and some noise where another was wiped. */
  rootFiles(): Uint8Array[] {
    return this.shares.map((share, shareIndex) => {
      const slot = printSlot({
        rootId: ROOT_ID,
        shareCount: this.shares.length,
        shareIndex,
        epoch: this.epoch,
        escrowedUntilMs: 0,
        share: secret(share),
      });
      return Buffer.concat([slot.use((bytes) => bytes.slice()), randomBytes(NOISE_BYTES)]);
    });
  }

  root(): Uint8Array {
    return rootKeyOf(this.shares.map(secret)).use((bytes) => bytes.slice());
  }

  enrol(name: string, slot: number): Enrolled {
    const key = randomKey();
    const leaf = Math.floor(slot / FAN_OUT);
    const entries = this.#leaves.get(leaf) ?? new Uint8Array(NODE_PLAINTEXT_BYTES);
    entries.set(key, (slot % FAN_OUT) * KEY_BYTES);
    if (this.#leaves.has(leaf)) this.#writeLeaf(leaf, entryAt(this.#top, leaf));
    else {
      this.#leaves.set(leaf, entries);
      this.rekey(leaf);
    }
    const keyName = { rootId: ROOT_ID, tree: TREE, slot, keyId: keyIdText(secret(key)) };
    const sealedTemplate = sealTemplate(secret(key), {
      owner: { tenantId: 'demo', uuid: name },
      keyName,
      plaintext: secret(new Uint8Array(unitVector(name).buffer)),
    });
    const enrolled = { slot, keyName: printKeyName(keyName), sealedTemplate };
    this.written.push(sealedTemplate);
    this.enrolled.set(name, enrolled);
    return enrolled;
  }

  /** Takes the key out of its leaf and gives a fresh key to all above, as an erasure does. */
  erase(name: string): void {
    const { slot } = this.enrolled.get(name)!;
    const leaf = Math.floor(slot / FAN_OUT);
    this.#leaves
      .get(leaf)!
      .fill(0, (slot % FAN_OUT) * KEY_BYTES, ((slot % FAN_OUT) + 1) * KEY_BYTES);
    this.shares = this.shares.map(randomKey);
    this.epoch += 1;
    this.rekey(leaf);
  }

  /** Seals the path to a leaf under fresh keys, below the root that there is. */
  rekey(leaf: number): void {
    const [leafKey, topKey] = [randomKey(), randomKey()];
    this.#top.set(leafKey, leaf * KEY_BYTES);
    this.#directory.set(topKey, TREE * KEY_BYTES);
    this.#writeLeaf(leaf, leafKey);
    this.#write({ tree: TREE, level: 1, index: 0 }, topKey, this.#top);
    this.#write({ tree: 0, level: 0, index: 0 }, this.root(), this.#directory);
  }

  #writeLeaf(leaf: number, key: Uint8Array): void {
    this.#write({ tree: TREE, level: 0, index: leaf }, key, this.#leaves.get(leaf)!);
  }

  #write(place: NodePlace, key: Uint8Array, entries: Uint8Array): void {
    this.written.push(
      this.#seal(secret(key), { rootId: ROOT_ID, place, entries: secret(entries) }),
    );
  }
}

/** An embedding as it is sealed: of length 1. */
function unitVector(name: string): Float32Array {
  const vector = face(name);
  const norm = Math.sqrt(vector.reduce((sum, value) => sum + value * value, 0));
  return vector.map((value) => value / norm);
}

function randomKey(): Uint8Array {
  return SecretBytes.random(KEY_BYTES).use((bytes) => bytes.slice());
}

function entryAt(entries: Uint8Array, index: number): Uint8Array {
  return entries.subarray(index * KEY_BYTES, (index + 1) * KEY_BYTES);
}

/** A copy: `take` zeroes what it is given. */
function secret(bytes: Uint8Array): SecretBytes {
  return SecretBytes.take(bytes.slice());
}
