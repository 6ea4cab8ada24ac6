import { randomFillSync } from 'node:crypto';

/**
 * Secret bytes that can be wiped. They live in an ArrayBuffer of their own: V8 keeps typed arrays
 * of up to 64 bytes on its heap and leaves a copy behind when native code first touches them, which
 * no fill(0) reaches. They print, log and serialise as "[secret]".
 */
export class SecretBytes {
  readonly #bytes: Uint8Array;
  #wiped = false;

  private constructor(buffer: ArrayBuffer, atByte = 0, lengthBytes = buffer.byteLength) {
    this.#bytes = new Uint8Array(buffer, atByte, lengthBytes);
  }

  /** `lengthBytes` fresh bytes of the operating system's random generator. */
  static random(lengthBytes: number): SecretBytes {
    const secret = new SecretBytes(new ArrayBuffer(lengthBytes));
    randomFillSync(secret.#bytes);
    return secret;
  }

  /** Moves the bytes in: the source is zeroed. */
  static take(source: Uint8Array): SecretBytes {
    const secret = new SecretBytes(new ArrayBuffer(source.byteLength));
    secret.#bytes.set(source);
    source.fill(0);
    return secret;
  }

  /** Owns the buffer from now on, without a copy. */
  static own(buffer: ArrayBuffer): SecretBytes {
    return new SecretBytes(buffer);
  }

  /** A part of these bytes under a name of its own: the same memory, wiped with the whole. */
  part(atByte: number, lengthBytes: number): SecretBytes {
    return this.use(
      (bytes) =>
        new SecretBytes(bytes.buffer as ArrayBuffer, bytes.byteOffset + atByte, lengthBytes),
    );
  }

  get lengthBytes(): number {
    return this.#bytes.byteLength;
  }

  /** Lends the bytes for the time of one call; the callee must not keep them. Throws after wipe(). */
  use<T>(work: (bytes: Uint8Array) => T): T {
    if (this.#wiped) throw new Error('these secret bytes were wiped');
    return work(this.#bytes);
  }

  /** Overwrites the bytes with zeros. Irreversible; may be repeated. */
  wipe(): void {
    this.#bytes.fill(0);
    this.#wiped = true;
  }

  toString(): string {
    return '[secret]';
  }

  toJSON(): string {
    return '[secret]';
  }

  [Symbol.for('nodejs.util.inspect.custom')](): string {
    return '[secret]';
  }
}
