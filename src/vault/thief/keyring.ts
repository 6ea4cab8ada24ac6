import type { SecretBytes } from '../../crypto/secret-bytes.js';
import { keyIdText } from '../key-name.js';
import { KEY_BYTES } from '../tree/key-node.js';

/** Keys that were found, each once, in the order found. It owns the secrets that it is given. */
export class Keyring {
  readonly #places: { readonly secret: SecretBytes; readonly atByte: number }[] = [];
  readonly #ids: string[] = [];
  readonly #known = new Set<string>();
  readonly #secrets: SecretBytes[] = [];

  get size(): number {
    return this.#places.length;
  }

  has(keyId: string): boolean {
    return this.#known.has(keyId);
  }

  /** Takes a secret of one key, or the keys of a node; its empty entries are one key of zeros. */
  add(secret: SecretBytes): void {
    this.#secrets.push(secret);
    for (let atByte = 0; atByte + KEY_BYTES <= secret.lengthBytes; atByte += KEY_BYTES) {
      const id = keyIdText(secret.part(atByte, KEY_BYTES));
      if (this.#known.has(id)) continue;
      this.#known.add(id);
      this.#ids.push(id);
      this.#places.push({ secret, atByte });
    }
  }

  idAt(index: number): string {
    return this.#ids[index] ?? '';
  }

  /** The key is lent: the ring wipes it. */
  keyAt(index: number): SecretBytes {
    const place = this.#places[index];
    if (place === undefined) throw new RangeError('there is no such key');
    return place.secret.part(place.atByte, KEY_BYTES);
  }

  wipe(): void {
    for (const secret of this.#secrets) secret.wipe();
  }
}
