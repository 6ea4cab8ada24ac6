import type { SecretBytes } from '../../crypto/secret-bytes.js';

/** How both ends of the connection know each other; PEM texts. */
export interface VaultTls {
  /** Signed the certificate of the key service; no other authority counts. */
  readonly ca: string;
  /** The certificate of this process, and its private key. */
  readonly cert: string;
  readonly key: string;
}

/** Why there was no answer. */
export type ChannelFailure =
  /** No connection: the name is unknown, or nobody listens there. */
  | 'UNREACHABLE'
  /** One end does not accept the certificate of the other. */
  | 'CERTIFICATE'
  /** The connection was closed before there was an answer. */
  | 'BROKEN_OFF'
  | 'TIMEOUT'
  /** The service has too much to do, or is ending. */
  | 'BUSY'
  /** What came was not the answer of a key service. */
  | 'PROTOCOL'
  /** The channel was closed. */
  | 'CLOSED';

export type ChannelAnswer =
  /** Whoever gets the message wipes it. */
  | { readonly kind: 'answered'; readonly message: SecretBytes }
  | { readonly kind: 'failed'; readonly code: ChannelFailure };

/** Carries messages to one key service; `outbound/` implements it. */
export interface VaultChannel {
  /**
   * Sends a message once and never throws. Gives up when the signal aborts. The message is used
   * until the answer is there.
   */
  call(
    message: SecretBytes,
    within: { readonly signal: AbortSignal; readonly answerLimitBytes: number },
  ): Promise<ChannelAnswer>;
  /** Ends every connection; what is under way, and every later call, fails with CLOSED. */
  close(): Promise<void>;
}

/** Makes a channel without connecting yet; throws when a PEM text cannot be used. */
export type OpenVaultChannel = (to: {
  readonly address: VaultAddress;
  readonly tls: VaultTls | undefined;
}) => VaultChannel;

/** Where a key service listens. */
export type VaultAddress =
  | { readonly socketPath: string }
  /** A name or an IP address, IPv6 without brackets. */
  | { readonly host: string; readonly port: number };
