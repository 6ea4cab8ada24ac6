/** Written once, at the first start: ties a store to the service key that opens what is sealed in it. */
export interface Installation {
  readonly installationId: string;
  /** Check value of the service key, base64url: a start with another key is refused. */
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
