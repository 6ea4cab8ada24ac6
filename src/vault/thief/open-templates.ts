import { createCipheriv } from 'node:crypto';
import { expandKey } from '../../crypto/hash.js';
import type { SecretBytes } from '../../crypto/secret-bytes.js';
import type { FoundTemplate } from './corpus.js';
import { TEMPLATE_HEAD_VALUES, TEMPLATE_HEADER_BYTES } from './find-blobs.js';

const PURPOSE = 'lethe/template/v1';
const IV_AT = 20;
const BLOCK_BYTES = 16;
const COUNTER_BYTES = 4;
/** GCM takes counter 1 for the tag (NIST SP 800-38D §7.1). */
const FIRST_COUNTER = 2;

const VALUE_BYTES = 4;
const HEAD_BLOCKS = (TEMPLATE_HEAD_VALUES * VALUE_BYTES) / BLOCK_BYTES;
/** Blocks that are looked at first: 16 values, which of wrong keys one in 2^16 survives. */
const FIRST_BLOCKS = 4;
const FIRST_BYTES = FIRST_BLOCKS * BLOCK_BYTES;
/** Templates that one call of the cipher serves. */
const BATCH = 4096;

/** A unit vector of float32 is longer than 1 by less than this. */
const LONGEST = 1.001;

/**
 * Tries keys on many sealed templates at once.
 *
 * A key opens a template when, under HKDF-Expand(key, "lethe/template/v1") or under the key itself,
 * the first 64 values are float32 that a unit vector can begin with: finite, squares summing up to at
 * most 1.002. The thief cannot check the tag, because the owner is part of what it authenticates; but
 * of wrong keys fewer than one in 2^64 passes. It needs no more of the template than that, so its
 * length does not matter, and a rest that lies elsewhere is not missed.
 */
export class TemplateTrial {
  readonly #templates: readonly FoundTemplate[];
  /** The first counter blocks of every template, one after the other. */
  readonly #counters: Uint8Array;

  constructor(templates: readonly FoundTemplate[]) {
    this.#templates = templates;
    this.#counters = counterBlocks(templates, FIRST_BLOCKS);
  }

  /** Those of the templates that the key opens. A pair takes about 0.1 µs. */
  openedBy(key: SecretBytes): readonly FoundTemplate[] {
    const derived = expandKey(key, PURPOSE);
    try {
      return [...this.#openedUnder(derived), ...this.#openedUnder(key)];
    } finally {
      derived.wipe();
    }
  }

  #openedUnder(key: SecretBytes): FoundTemplate[] {
    const opened: FoundTemplate[] = [];
    for (let from = 0; from < this.#templates.length; from += BATCH) {
      const batch = this.#templates.slice(from, from + BATCH);
      const at = from * FIRST_BYTES;
      const counters = this.#counters.subarray(at, at + batch.length * FIRST_BYTES);
      const keystream = encrypted(key, counters);
      const likely = batch.filter((template, index) =>
        isVector(template, keystream.subarray(index * FIRST_BYTES, (index + 1) * FIRST_BYTES)),
      );
      keystream.fill(0);
      opened.push(...likely.filter((template) => opensWhole(key, template)));
    }
    return opened;
  }
}

function opensWhole(key: SecretBytes, template: FoundTemplate): boolean {
  const keystream = encrypted(key, counterBlocks([template], HEAD_BLOCKS));
  const isOpened = isVector(template, keystream);
  keystream.fill(0);
  return isOpened;
}

/** CTR by hand: the blocks whose encryption is the keystream. */
function counterBlocks(templates: readonly FoundTemplate[], blocks: number): Uint8Array {
  const counters = new Uint8Array(templates.length * blocks * BLOCK_BYTES);
  const view = new DataView(counters.buffer);
  templates.forEach(({ head }, index) => {
    for (let block = 0; block < blocks; block += 1) {
      const at = (index * blocks + block) * BLOCK_BYTES;
      counters.set(head.subarray(IV_AT, TEMPLATE_HEADER_BYTES), at);
      view.setUint32(at + BLOCK_BYTES - COUNTER_BYTES, FIRST_COUNTER + block);
    }
  });
  return counters;
}

function encrypted(key: SecretBytes, blocks: Uint8Array): Uint8Array {
  const cipher = key.use((bytes) => createCipheriv('aes-256-ecb', bytes, null));
  cipher.setAutoPadding(false);
  return cipher.update(blocks);
}

/** Whether as many values as there is keystream for can be the beginning of a unit vector. */
function isVector({ head }: FoundTemplate, keystream: Uint8Array): boolean {
  const masked = new DataView(head.buffer, head.byteOffset + TEMPLATE_HEADER_BYTES);
  const mask = new DataView(keystream.buffer, keystream.byteOffset, keystream.byteLength);
  let squares = 0;
  for (let at = 0; at < mask.byteLength && squares <= LONGEST ** 2; at += VALUE_BYTES) {
    mask.setUint32(at, masked.getUint32(at, true) ^ mask.getUint32(at, true), true);
    squares += mask.getFloat32(at, true) ** 2;
  }
  // Not a number compares with nothing.
  return squares <= LONGEST ** 2;
}
