import type { SecretBytes } from '../crypto/secret-bytes.js';

/** What the TLS of a tenant's callbacks uses besides the public authorities; all PEM. */
export interface WebhookTls {
  /** Of tenant and content: a connection is used for messages of its own identity only. */
  readonly identity: string;
  /** Authorities that vouch for the receiver, instead of the public ones. */
  readonly ca?: string;
  /** The chain that the service presents when asked; there with `openKey` only. */
  readonly certificate?: string;
  /** Opens the private key of the certificate, for the caller to wipe. Throws SealBroken. */
  openKey?(): SecretBytes;
}

/** One attempt, ready to be sent as it is. */
export interface WebhookMessage {
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Uint8Array;
  readonly tls?: WebhookTls;
}

/** Why there was no answer. Stable, and never holds anything that the receiver said. */
export type SendFailure =
  /** The address, or one that its name resolves to, may not be reached; no byte was sent. */
  | 'BLOCKED_ADDRESS'
  | 'DNS'
  | 'CONNECT'
  | 'TLS'
  | 'TIMEOUT'
  | 'RESET'
  | 'PROTOCOL'
  | 'RESPONSE_TOO_LARGE'
  /** The sender was closed. */
  | 'CLOSED';

export type SendResult =
  | {
      readonly kind: 'answered';
      readonly status: number;
      readonly retryAfterSeconds?: number;
      /** The receiver asked for no further attempt (`webhook-delivery: abort-message`). */
      readonly isAborted?: true;
    }
  | { readonly kind: 'failed'; readonly code: SendFailure };

/** Sends webhooks; `outbound/` implements it. */
export interface WebhookSender {
  /** POSTs once, follows no redirect, takes at most 15 seconds, never throws. */
  send(message: WebhookMessage): Promise<SendResult>;
}
