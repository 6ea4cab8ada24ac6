/** What a witness answered, whatever it was. */
export interface WitnessChannelAnswer {
  readonly status: number;
  /** As it was sent; empty when it was not. */
  readonly contentType: string;
  /** At most 16 KiB, read as UTF-8. */
  readonly body: string;
}

/** The way to witnesses. */
export interface WitnessChannel {
  /**
   * POSTs a body to an address: https, or http on this machine. Waits a bounded time and follows no
   * redirect. Rejects with an Error whose `code` is a word that says what went wrong.
   */
  submit(url: string, body: Uint8Array, signal: AbortSignal): Promise<WitnessChannelAnswer>;
}
