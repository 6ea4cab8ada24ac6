/** Written once, at the first start: ties a store to the keys that open it. */
export interface Installation {
  readonly installationId: string;
  /** Check values of the two key files, base64url: a start with other keys is refused. */
  readonly rootKeyCheck: string;
  readonly serviceKeyCheck: string;
  /** Private key behind GET /public-key: PKCS #8 DER, sealed. */
  readonly sealedPayloadKey: Uint8Array;
  readonly createdAtMs: number;
}

export interface InstallationStore {
  find(): Promise<Installation | undefined>;
  /** Inserts it if there is none; returns the one that stands. */
  insert(installation: Installation): Promise<Installation>;
}
