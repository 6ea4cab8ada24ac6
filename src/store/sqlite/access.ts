import type { AccessStore } from '../../access/access-store.js';
import type { SlcKey } from '../../access/slc-key.js';
import type {
  Client,
  ClientScope,
  ClientSecret,
  SealedSecret,
  SealedTls,
  Tenant,
} from '../../access/tenant.js';
import { base64url } from '../../lib/bytes.js';
import { insertInto } from './insert.js';
import type { Runner } from './runner.js';

type AsJson<T, K extends keyof T> = Omit<T, K> & Readonly<Record<K, string>>;
type TenantLists = 'frameOrigins' | 'callbackHosts' | 'redirectHosts';
type TenantRow = Omit<
  AsJson<Tenant, 'thresholds' | TenantLists | 'webhookSecrets'>,
  'httpSignatures' | 'webhookTls'
> & { readonly httpSignatures: number; readonly webhookTls: string | null };
type ClientRow = AsJson<Client, 'secrets' | 'slcKeys' | 'scopes'>;

const INSERT_TENANT = insertInto<TenantRow>(
  'tenants',
  {
    tenantId: true,
    displayName: true,
    authMode: true,
    thresholds: true,
    frameOrigins: true,
    callbackHosts: true,
    redirectHosts: true,
    httpSignatures: true,
    webhookSecrets: true,
    webhookTls: true,
    createdAtMs: true,
  },
  'ON CONFLICT DO NOTHING',
);
const FIND_TENANT = 'SELECT * FROM tenants WHERE tenantId = ?';
const LIST_TENANTS = 'SELECT * FROM tenants ORDER BY tenantId';
const REPLACE_TENANT = `
  UPDATE tenants SET displayName = ?, authMode = ?, thresholds = ?, frameOrigins = ?,
    callbackHosts = ?, redirectHosts = ?, httpSignatures = ?, webhookSecrets = ?, webhookTls = ?,
    createdAtMs = ?
  WHERE tenantId = ?`;

const INSERT_CLIENT = insertInto<ClientRow>(
  'clients',
  {
    clientId: true,
    tenantId: true,
    apiKeyDigest: true,
    secrets: true,
    slcKeys: true,
    scopes: true,
    createdAtMs: true,
    revokedAtMs: true,
  },
  'ON CONFLICT DO NOTHING',
);
const FIND_CLIENT = 'SELECT * FROM clients WHERE clientId = ?';
const FIND_CLIENT_BY_API_KEY = 'SELECT * FROM clients WHERE apiKeyDigest = ?';
const LIST_CLIENTS = 'SELECT * FROM clients WHERE tenantId = ? ORDER BY clientId';
const REPLACE_CLIENT = `
  UPDATE clients SET tenantId = ?, apiKeyDigest = ?, secrets = ?, slcKeys = ?, scopes = ?,
    createdAtMs = ?, revokedAtMs = ?
  WHERE clientId = ?`;

const USE_TOKEN = `
  INSERT INTO usedTokens (clientId, tokenId, expiresAtMs) VALUES (?, ?, ?) ON CONFLICT DO NOTHING`;
const REMOVE_EXPIRED_TOKENS = `
  DELETE FROM usedTokens WHERE (clientId, tokenId) IN (
    SELECT clientId, tokenId FROM usedTokens WHERE expiresAtMs <= ? ORDER BY expiresAtMs LIMIT ?)`;

export function accessStore(runner: Runner): AccessStore {
  return { ...tenantStore(runner), ...clientStore(runner), ...tokenStore(runner) };
}

type TenantMethods = 'insertTenant' | 'findTenant' | 'replaceTenant' | 'listTenants';
type TokenMethods = 'useToken' | 'removeExpiredTokens';

function tenantStore(runner: Runner): Pick<AccessStore, TenantMethods> {
  return {
    insertTenant: (tenant) =>
      runner.write(
        (sql) => sql.run(INSERT_TENANT.text, ...INSERT_TENANT.values(tenantRow(tenant))) === 1,
      ),
    findTenant: (tenantId) =>
      runner.read((sql) => {
        const row = sql.get<TenantRow>(FIND_TENANT, tenantId);
        return row && toTenant(row);
      }),
    replaceTenant: (tenant) =>
      runner.write((sql) => {
        const { tenantId, ...row } = tenantRow(tenant);
        const policy = [row.displayName, row.authMode, row.thresholds, row.frameOrigins];
        const webhooks = [row.callbackHosts, row.redirectHosts, row.httpSignatures];
        const sealed = [row.webhookSecrets, row.webhookTls];
        const values = [...policy, ...webhooks, ...sealed, row.createdAtMs];
        return sql.run(REPLACE_TENANT, ...values, tenantId) === 1;
      }),
    listTenants: () => runner.read((sql) => sql.all<TenantRow>(LIST_TENANTS).map(toTenant)),
  };
}

function clientStore(runner: Runner): Omit<AccessStore, TenantMethods | TokenMethods> {
  return {
    insertClient: (client) =>
      runner.write(
        (sql) => sql.run(INSERT_CLIENT.text, ...INSERT_CLIENT.values(clientRow(client))) === 1,
      ),
    findClient: (clientId) =>
      runner.read((sql) => {
        const row = sql.get<ClientRow>(FIND_CLIENT, clientId);
        return row && toClient(row);
      }),
    findClientByApiKey: (apiKeyDigest) =>
      runner.read((sql) => {
        const row = sql.get<ClientRow>(FIND_CLIENT_BY_API_KEY, apiKeyDigest);
        return row && toClient(row);
      }),
    replaceClient: (client) =>
      runner.write((sql) => {
        const { clientId, tenantId, apiKeyDigest, ...row } = clientRow(client);
        const values = [tenantId, apiKeyDigest, row.secrets, row.slcKeys, row.scopes];
        return sql.run(REPLACE_CLIENT, ...values, row.createdAtMs, row.revokedAtMs, clientId) === 1;
      }),
    listClients: (tenantId) =>
      runner.read((sql) => sql.all<ClientRow>(LIST_CLIENTS, tenantId).map(toClient)),
  };
}

function tokenStore(runner: Runner): Pick<AccessStore, TokenMethods> {
  return {
    useToken: ({ clientId, tokenId, expiresAtMs }) =>
      runner.write((sql) => sql.run(USE_TOKEN, clientId, tokenId, expiresAtMs) === 1),
    removeExpiredTokens: (nowMs, limit) =>
      runner.write((sql) => sql.run(REMOVE_EXPIRED_TOKENS, nowMs, limit)),
  };
}

function tenantRow(tenant: Tenant): TenantRow {
  return {
    ...tenant,
    thresholds: JSON.stringify(tenant.thresholds),
    frameOrigins: JSON.stringify(tenant.frameOrigins),
    callbackHosts: JSON.stringify(tenant.callbackHosts),
    redirectHosts: JSON.stringify(tenant.redirectHosts),
    httpSignatures: Number(tenant.httpSignatures),
    webhookSecrets: secretsJson(tenant.webhookSecrets),
    webhookTls: tenant.webhookTls === undefined ? null : tlsJson(tenant.webhookTls),
  };
}

function toTenant({ webhookTls, ...row }: TenantRow): Tenant {
  return {
    ...row,
    thresholds: JSON.parse(row.thresholds) as Tenant['thresholds'],
    frameOrigins: JSON.parse(row.frameOrigins) as string[],
    callbackHosts: JSON.parse(row.callbackHosts) as string[],
    redirectHosts: JSON.parse(row.redirectHosts) as string[],
    httpSignatures: row.httpSignatures === 1,
    webhookSecrets: parseSecrets(row.webhookSecrets) as SealedSecret[],
    ...(webhookTls && { webhookTls: parseTls(webhookTls) }),
  };
}

function clientRow(client: Client): ClientRow {
  return {
    ...client,
    secrets: secretsJson(client.secrets),
    slcKeys: JSON.stringify(client.slcKeys),
    scopes: JSON.stringify(client.scopes),
  };
}

function toClient(row: ClientRow): Client {
  return {
    ...row,
    secrets: parseSecrets(row.secrets) as ClientSecret[],
    slcKeys: JSON.parse(row.slcKeys) as SlcKey[],
    scopes: JSON.parse(row.scopes) as ClientScope[],
  };
}

function secretsJson(secrets: readonly (SealedSecret | ClientSecret)[]): string {
  return JSON.stringify(
    secrets.map((secret) => ({
      ...secret,
      ...(secret.sealed && { sealed: base64url(secret.sealed) }),
    })),
  );
}

function parseSecrets(json: string): readonly Partial<ClientSecret>[] {
  const secrets = JSON.parse(json) as readonly { readonly sealed?: string }[];
  return secrets.map(({ sealed, ...secret }) => ({
    ...secret,
    ...(sealed !== undefined && { sealed: Buffer.from(sealed, 'base64url') }),
  }));
}

function tlsJson({ sealedKey, ...tls }: SealedTls): string {
  return JSON.stringify({ ...tls, ...(sealedKey && { sealedKey: base64url(sealedKey) }) });
}

function parseTls(json: string): SealedTls {
  const { sealedKey, ...tls } = JSON.parse(json) as Omit<SealedTls, 'sealedKey'> & {
    readonly sealedKey?: string;
  };
  return {
    ...tls,
    ...(sealedKey !== undefined && { sealedKey: Buffer.from(sealedKey, 'base64url') }),
  };
}
