import type { SecretBytes } from '../../crypto/secret-bytes.js';

/** How both ends of the connection know each other; PEM texts. */
export interface ShareTls {
  /** Signed the certificate of the server; no other authority counts. */
  readonly ca: string;
  /** The certificate of this installation, and its private key. */
  readonly cert: string;
  readonly key: string;
}

/** One call of the protocol of `src/http/share-protocol.ts`. */
export interface ShareCall {
  readonly method: 'GET' | 'PUT' | 'POST';
  readonly path: string;
  readonly body?: { readonly mediaType: string; readonly bytes: Uint8Array };
}

/** Why there was no answer. */
export type ShareFailure =
  /** No connection: the name is unknown, or nobody listens there. */
  | 'UNREACHABLE'
  /** The certificate of the server is not signed by the authority, not for this name, or expired. */
  | 'SERVER_CERTIFICATE'
  /** The server said that it does not take the certificate of this installation. */
  | 'CLIENT_REFUSED'
  /** The connection ended without an answer; a server may also refuse a certificate in this way. */
  | 'BROKEN_OFF'
  | 'TIMEOUT'
  /** What came was not HTTP over TLS, or more than 64 KiB. */
  | 'PROTOCOL'
  /** The channel was closed. */
  | 'CLOSED';

export type ShareAnswer =
  | {
      readonly kind: 'answered';
      readonly status: number;
      readonly mediaType: string;
      /** At most 64 KiB; whoever gets it wipes it. */
      readonly body: SecretBytes;
    }
  | { readonly kind: 'failed'; readonly code: ShareFailure };

/** Calls one share server; `outbound/` implements it. */
export interface ShareChannel {
  /** Calls once, follows no redirect, takes at most 5 seconds, never throws. */
  call(call: ShareCall): Promise<ShareAnswer>;
  /** Ends every connection; what is under way, and every later call, fails with CLOSED. */
  close(): Promise<void>;
}

/** Makes a channel without connecting yet; throws when a PEM text cannot be used. */
export type OpenShareChannel = (to: {
  /** E.g. `https://shares.internal:8443`. */
  readonly origin: string;
  readonly tls: ShareTls;
}) => ShareChannel;
