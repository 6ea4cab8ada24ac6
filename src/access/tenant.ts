import type { SlcKey } from './slc-key.js';

/** Which credentials a tenant's clients must present. */
export type AuthMode = 'strict' | 'apiKeyOnly';

/** A webhook secret, sealed; of several, each signs until its time is over. */
export interface SealedSecret {
  readonly sealed: Uint8Array;
  readonly expiresAtMs?: number;
}

/** What a tenant's callbacks use besides the public authorities; all PEM, in one canonical form. */
export interface SealedTls {
  /** Certificates of the authorities that vouch for the receivers, instead of the public ones. */
  readonly ca?: string;
  /** The chain that the service presents, its own certificate first; there with `sealedKey` only. */
  readonly certificate?: string;
  /** The private key of the certificate, sealed for this tenant alone. */
  readonly sealedKey?: Uint8Array;
}

/** An integrator's account. */
export interface Tenant {
  readonly tenantId: string;
  /** What the launch page calls the integrator. */
  readonly displayName: string;
  readonly authMode: AuthMode;
  /** Thresholds that replace the service's, by model. */
  readonly thresholds: Readonly<
    Record<string, { readonly verify: number; readonly signIn: number }>
  >;
  /** Origins that may show the launch page in a frame. */
  readonly frameOrigins: readonly string[];
  /** Hosts that webhooks may go to, and browsers be sent back to (`host-list.ts`); empty: any. */
  readonly callbackHosts: readonly string[];
  readonly redirectHosts: readonly string[];
  /** Whether webhooks carry an RFC 9421 signature as well. */
  readonly httpSignatures: boolean;
  readonly webhookSecrets: readonly SealedSecret[];
  readonly webhookTls?: SealedTls;
  readonly createdAtMs: number;
}

/** One of at most two live secrets of a client. */
export interface ClientSecret {
  /** HMAC-SHA-256 of the secret under the pepper: 32 bytes, base64url. */
  readonly digest: string;
  /** The secret itself, sealed, where the client may sign HS256 credentials with it. */
  readonly sealed?: Uint8Array;
  readonly expiresAtMs?: number;
}

export const CLIENT_SCOPES = ['audit:read', 'deliveries:read', 'deliveries:write'] as const;

/**
 * What a client may do besides the operations of the API, for its tenant. audit:read: review records.
 * deliveries:read: what became of webhooks. deliveries:write: replay and try them, enable destinations.
 */
export type ClientScope = (typeof CLIENT_SCOPES)[number];

/** A credential set of a tenant. */
export interface Client {
  readonly clientId: string;
  readonly tenantId: string;
  /** HMAC-SHA-256 of the API key under the pepper: 32 bytes, base64url; unique. */
  readonly apiKeyDigest: string;
  readonly secrets: readonly ClientSecret[];
  /** Public keys that may sign short-lived credentials (SLC). */
  readonly slcKeys: readonly SlcKey[];
  readonly scopes: readonly ClientScope[];
  readonly createdAtMs: number;
  readonly revokedAtMs?: number;
}
