import type { Client, Tenant } from './tenant.js';

/** Where tenants, clients and used credentials are kept. */
export interface AccessStore {
  /** False when the id is taken. */
  insertTenant(tenant: Tenant): Promise<boolean>;
  findTenant(tenantId: string): Promise<Tenant | undefined>;
  /** Replaces a tenant; false when there is none. */
  replaceTenant(tenant: Tenant): Promise<boolean>;
  listTenants(): Promise<readonly Tenant[]>;
  /** False when the id or the API key is taken. */
  insertClient(client: Client): Promise<boolean>;
  findClient(clientId: string): Promise<Client | undefined>;
  findClientByApiKey(apiKeyDigest: string): Promise<Client | undefined>;
  replaceClient(client: Client): Promise<boolean>;
  listClients(tenantId: string): Promise<readonly Client[]>;
  /**
   * Remembers the id of a single-use token until it expires; false when it was used before. Ids are
   * told apart by `clientId`: the client that signed the token, or a text that is no client's id.
   */
  useToken(token: { clientId: string; tokenId: string; expiresAtMs: number }): Promise<boolean>;
  removeExpiredTokens(nowMs: number, limit: number): Promise<number>;
}
