/** Where the wrapped keys of the first vault adapter are kept. */
export interface KeyStore {
  insert(key: { keyId: string; wrapped: Uint8Array }): Promise<void>;
  /** Wrapped keys in the order asked for; undefined where there is none. */
  find(keyIds: readonly string[]): Promise<readonly (Uint8Array | undefined)[]>;
  /** Repeatable. */
  remove(keyIds: readonly string[]): Promise<void>;
}
