import type { SecretBytes } from '../crypto/secret-bytes.js';

/** Whose template it is: authenticated with every seal, so that no blob opens in another's place. */
export interface TemplateOwner {
  readonly tenantId: string;
  readonly uuid: string;
}

/** A sealed template with the name of the key that opens it. */
export interface SealedTemplate extends TemplateOwner {
  readonly keyId: string;
  readonly sealedTemplate: Uint8Array;
}

/**
 * Holds one random 256-bit key for each enrolment and never gives it out: sealing and opening
 * happen inside.
 */
export interface Vault {
  /** Makes a fresh key durable, then seals the plaintext under it. */
  seal(
    owner: TemplateOwner,
    plaintext: SecretBytes,
  ): Promise<{ keyId: string; sealedTemplate: Uint8Array }>;
  /** Opens templates in order; undefined where the key no longer exists. The caller wipes what it gets. */
  open(templates: readonly SealedTemplate[]): Promise<readonly (SecretBytes | undefined)[]>;
  /** Destroys keys. Irreversible; may be repeated; when it returns, nothing opens under them again. */
  shred(keyIds: readonly string[]): Promise<void>;
}
