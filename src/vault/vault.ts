import type { SecretBytes } from '../crypto/secret-bytes.js';

/** Whose template it is: authenticated with every seal, so that no blob opens in another's place. */
export interface TemplateOwner {
  readonly tenantId: string;
  readonly uuid: string;
}

/** A sealed template with the name of the key that opens it (`key-name.ts`). */
export interface SealedTemplate extends TemplateOwner {
  readonly keyId: string;
  readonly sealedTemplate: Uint8Array;
}

/**
 * Keys that end together: those of a tenant, or of what expires together, such as a month's review
 * records.
 */
export type KeyScope =
  | { readonly tenantId: string }
  /** 1 to 100 letters, digits, `-`, `.` and `/`, e.g. `review/2026-11`. */
  | { readonly bucket: string };

export interface RootState {
  readonly rootId: string;
  readonly epoch: number;
}

/** What the destruction of keys left behind: nothing that opens anything. */
export interface Shredded {
  /** The roots that were asked, as they are now: one of an earlier epoch is in no root store any more. */
  readonly roots: readonly RootState[];
  /** When the last copy of an earlier root expires that was allowed to exist, Unix ms; 0 without one. */
  readonly irrecoverableAtMs: number;
  /**
   * Tombstone hashes: SHA-256("rc" ‖ root) of each root that was retired and SHA-256("dc" ‖ key) of
   * each key that was destroyed, base64url. Whoever has a disk image or a memory dump can look for
   * what hashes to them; they help nobody to open anything. A repetition soon after hears the same;
   * after a restart of the process that owns the root, both are empty.
   */
  readonly retiredRoots: readonly string[];
  readonly destroyedKeys: readonly string[];
}

/**
 * Holds one random 256-bit key for each enrolment and never gives it out: sealing and opening
 * happen inside. What cannot be done now fails with UNAVAILABLE and leaves every key as it was.
 */
export interface Vault {
  /**
   * Makes a fresh key durable, then seals the plaintext under it. The key ends with the tenant of
   * the owner, or with the scope that is given instead.
   */
  seal(
    owner: TemplateOwner,
    plaintext: SecretBytes,
    scope?: KeyScope,
  ): Promise<{ keyId: string; sealedTemplate: Uint8Array }>;
  /** Opens templates in order; undefined where the key no longer exists. The caller wipes what it gets. */
  open(templates: readonly SealedTemplate[]): Promise<readonly (SecretBytes | undefined)[]>;
  /** Whether these keys exist, in order. */
  exist(keyIds: readonly string[]): Promise<readonly boolean[]>;
  /**
   * Destroys keys. Irreversible; may be repeated; when it returns, nothing opens under them again,
   * not even with every copy ever made of the database and with the root that is current now.
   */
  shred(keyIds: readonly string[]): Promise<Shredded>;
  /** Destroys every key of a scope, as {@link shred} does. Repeatable. */
  shredScope(scope: KeyScope): Promise<Shredded>;
  /** The roots in use and their epochs, which rise whenever something is shredded. */
  roots(): Promise<readonly RootState[]>;
  /** Throws one sentence that names what is wrong and the remedy, when nothing could be opened now. */
  check(): Promise<void>;
}
