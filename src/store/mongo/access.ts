import type { AccessStore } from '../../access/access-store.js';
import {
  type ClientRow,
  fromClient,
  fromTenant,
  type TenantRow,
  toClient,
  toTenant,
} from './access-rows.js';
import { insertOnce, removeSome } from './once.js';
import { removableAt } from './schema.js';
import type { Scope } from './scope.js';

export function accessStore(scope: Scope): AccessStore {
  const { options, collections } = scope;
  const { tenants, clients, usedTokens } = collections;

  return {
    insertTenant(tenant) {
      const row = fromTenant(tenant);
      return insertOnce(scope, { collection: tenants, row, keys: { _id: row._id } });
    },
    async findTenant(tenantId) {
      const row = await scope.call(() => tenants.findOne({ _id: tenantId }, options));
      return row === null ? undefined : toTenant(row);
    },
    async replaceTenant(tenant) {
      const { _id, ...members } = fromTenant(tenant);
      // The only optional member: it goes when the new tenant does not have it.
      const gone = members.webhookTls === undefined ? { $unset: { webhookTls: '' as const } } : {};
      const replacement = { $set: members, ...gone };
      const result = await scope.call(() => tenants.updateOne({ _id }, replacement, options));
      return result.matchedCount === 1;
    },
    async listTenants() {
      const sorted = { ...options, sort: { _id: 1 } } as const;
      const rows: TenantRow[] = await scope.call(() => tenants.find({}, sorted).toArray());
      return rows.map(toTenant);
    },
    insertClient(client) {
      const row = fromClient(client);
      const keys = { $or: [{ _id: row._id }, { apiKeyDigest: row.apiKeyDigest }] };
      return insertOnce(scope, { collection: clients, row, keys });
    },
    async findClient(clientId) {
      const row = await scope.call(() => clients.findOne({ _id: clientId }, options));
      return row === null ? undefined : toClient(row);
    },
    async findClientByApiKey(apiKeyDigest) {
      const row = await scope.call(() => clients.findOne({ apiKeyDigest }, options));
      return row === null ? undefined : toClient(row);
    },
    async replaceClient(client) {
      const { _id, ...members } = fromClient(client);
      // The only optional member: it goes when the new client does not have it.
      const removed =
        client.revokedAtMs === undefined ? { $unset: { revokedAtMs: 1 } as const } : {};
      const update = { $set: members, ...removed };
      const result = await scope.call(() => clients.updateOne({ _id }, update, options));
      return result.matchedCount === 1;
    },
    async listClients(tenantId) {
      const sorted = { ...options, sort: { _id: 1 } } as const;
      const rows: ClientRow[] = await scope.call(() =>
        clients.find({ tenantId }, sorted).toArray(),
      );
      return rows.map(toClient);
    },
    useToken({ clientId, tokenId, expiresAtMs }) {
      const row = { clientId, tokenId, expiresAtMs, removableAt: removableAt(expiresAtMs) };
      return insertOnce(scope, { collection: usedTokens, row, keys: { clientId, tokenId } });
    },
    removeExpiredTokens: (nowMs, limit) =>
      removeSome(scope, {
        collection: usedTokens,
        which: { expiresAtMs: { $lte: nowMs } },
        limit,
      }),
  };
}
