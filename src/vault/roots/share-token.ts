import type { SecretBytes } from '../../crypto/secret-bytes.js';

/** Stands for an object; valid within the call of {@link ShareToken.use} that it came from. */
export type ObjectHandle = Uint8Array;

/** The objects of a token that hold shares, or say so; others are never seen. */
export interface ShareObjects {
  list(): readonly ObjectHandle[];
  /** What an object holds; the caller wipes it. */
  read(object: ObjectHandle): SecretBytes;
  /** Makes an object that only the token's logged-in user sees; durable on return. */
  create(value: SecretBytes): ObjectHandle;
  /** Irreversible, as far as the token keeps its word. */
  destroy(object: ObjectHandle): void;
}

/** What a token and its library say of themselves. */
export interface TokenDescription {
  /** Makers and models of the token and of its library, in one line. */
  readonly makers: string;
  /** It claims to be hardware. */
  readonly isHardware: boolean;
}

/** What every call may throw: the message is the sentence for the operator. */
export interface TokenFailure extends Error {
  readonly name: 'TokenFailure';
}

/** A device that keeps secrets and really destroys them, if it is a good one; `store/pkcs11` opens it. */
export interface ShareToken {
  /** How messages call it. */
  readonly name: string;
  /** Asks without a login. */
  describe(): Promise<TokenDescription>;
  /**
   * Logs in when that is needed and runs the work without a break: nothing else of this process
   * comes between what it reads and what it does.
   */
  use<T>(work: (objects: ShareObjects) => T): Promise<T>;
  close(): void;
}
