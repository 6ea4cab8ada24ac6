/** One use of an Idempotency-Key; keys of different scopes never meet. */
export interface IdempotencyUse {
  /** The client that sent the key, and the path it was sent to. */
  readonly scope: string;
  readonly key: string;
}

/** The answer that a repeated request gets, byte for byte. */
export interface StoredAnswer {
  readonly status: number;
  readonly sealedBody: Uint8Array;
}

export type IdempotencyStart =
  | { readonly outcome: 'started' }
  | { readonly outcome: 'finished'; readonly answer: StoredAnswer }
  /** The key was used with another request. */
  | { readonly outcome: 'mismatch' }
  /** The first request holds the lease. */
  | { readonly outcome: 'in-flight' };

/** Where Idempotency-Keys are kept until they expire. */
export interface IdempotencyStore {
  /**
   * Takes the key for one request, or says what became of the first. An expired record and a lease
   * that ran out count as absent; the fingerprint is 32 bytes, base64url.
   */
  start(
    use: IdempotencyUse & { fingerprint: string; nowMs: number; leaseUntilMs: number },
  ): Promise<IdempotencyStart>;
  /** Stores the final answer; the key keeps it until `expiresAtMs`. */
  finish(use: IdempotencyUse & { answer: StoredAnswer; expiresAtMs: number }): Promise<void>;
  /** Gives an unfinished key back, so that the request can be sent again. */
  abandon(use: IdempotencyUse): Promise<void>;
  removeExpired(nowMs: number, limit: number): Promise<number>;
}
