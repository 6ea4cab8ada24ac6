/**
 * Where a published log is read from: a tiled log (C2SP tlog-tiles) with its list of keys. What comes
 * back is whatever is there; nobody has checked it. Rejects with one sentence when it cannot be read
 * at all.
 */
export interface LogSource {
  /** The newest signed note (C2SP tlog-checkpoint). */
  checkpoint(): Promise<string>;
  /**
   * The bytes under a path (`tile-path.ts`), or `keys`: the verifier keys, newest first, one a line.
   * Undefined when there is nothing.
   */
  resource(path: string): Promise<Uint8Array | undefined>;
}

/** The longest resource: an entry bundle of 256 leaves, each as long as a leaf may be. */
export const RESOURCE_LIMIT_BYTES = 256 * (2 + 4_096);
