import { SecretBytes } from '../../crypto/secret-bytes.js';
import { base64url, parseBase64url, utf8Text } from '../../lib/bytes.js';
import { WireError } from './wire.js';

const NUMBER_BYTES = 8;

/** A whole number from 0 to 2^53 - 1 as 8 bytes, big-endian. */
export function numberField(value: number): Uint8Array {
  if (!Number.isSafeInteger(value) || value < 0)
    throw new WireError('a number in a message is whole and not negative');
  const bytes = new Uint8Array(NUMBER_BYTES);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(value));
  return bytes;
}

/** Base64url texts that each stand for `lengthBytes` bytes, as those bytes one after the other. */
export function idsField(ids: readonly string[], lengthBytes: number): Uint8Array {
  const joined = new Uint8Array(ids.length * lengthBytes);
  ids.forEach((id, index) => {
    const bytes = parseBase64url(id);
    if (bytes?.byteLength !== lengthBytes)
      throw new WireError(`an id in a message has ${lengthBytes} bytes, as base64url`);
    joined.set(bytes, index * lengthBytes);
  });
  return joined;
}

/** Takes the fields of a message one after the other; what does not fit throws WireError. */
export class FieldReader {
  readonly #fields: readonly (Uint8Array | undefined)[];
  readonly #secrets: SecretBytes[] = [];
  #at = 0;

  constructor(fields: readonly (Uint8Array | undefined)[]) {
    this.#fields = fields;
  }

  get hasMore(): boolean {
    return this.#at < this.#fields.length;
  }

  /** What one field holds, or undefined when it is undefined. */
  optional<T>(read: (fields: FieldReader) => T): T | undefined {
    if (this.hasMore && this.#fields[this.#at] === undefined) {
      this.#at += 1;
      return undefined;
    }
    return read(this);
  }

  /** A copy: the message can be wiped. */
  bytes(): Uint8Array {
    return new Uint8Array(this.#next());
  }

  /** Moves secret bytes out: in the message they are zeroed. */
  secret(): SecretBytes {
    const secret = SecretBytes.take(this.#next());
    this.#secrets.push(secret);
    return secret;
  }

  text(): string {
    try {
      return utf8Text(this.#next());
    } catch {
      throw new WireError('a text in the message is not there, or is not UTF-8');
    }
  }

  /** What {@link numberField} printed. */
  number(): number {
    const bytes = this.#next();
    if (bytes.byteLength !== NUMBER_BYTES) throw new WireError('a number has 8 bytes');
    const view = new DataView(bytes.buffer, bytes.byteOffset, NUMBER_BYTES);
    const value = Number(view.getBigUint64(0));
    if (!Number.isSafeInteger(value)) throw new WireError('a number in the message is too large');
    return value;
  }

  /** What {@link idsField} printed. */
  ids(lengthBytes: number): readonly string[] {
    const bytes = this.#next();
    if (bytes.byteLength % lengthBytes !== 0) throw new WireError('an id is cut off');
    return Array.from({ length: bytes.byteLength / lengthBytes }, (_, index) =>
      base64url(bytes.subarray(index * lengthBytes, (index + 1) * lengthBytes)),
    );
  }

  /** What {@link idsField} printed of a single id. */
  id(lengthBytes: number): string {
    const [id, surplus] = this.ids(lengthBytes);
    if (id === undefined || surplus !== undefined) throw new WireError('a field is not one id');
    return id;
  }

  /** As many values as there are fields left. */
  rest<T>(read: (fields: FieldReader) => T): readonly T[] {
    const values: T[] = [];
    while (this.hasMore) values.push(read(this));
    return values;
  }

  /** Throws when fields are left over. */
  end(): void {
    if (this.hasMore) throw new WireError('the message has too many fields for its method');
  }

  /** Wipes every secret that was read. */
  wipeSecrets(): void {
    for (const secret of this.#secrets) secret.wipe();
  }

  #next(): Uint8Array {
    const field = this.#fields[this.#at];
    this.#at += 1;
    if (field === undefined) throw new WireError('a field of the message is missing');
    return field;
  }
}
