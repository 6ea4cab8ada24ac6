/**
 * The key tree and its root do not fit together, or cannot be used by this process. The message
 * says in one sentence what is wrong and what to do; nothing was changed.
 */
export class VaultError extends Error {
  override readonly name = 'VaultError';
}
