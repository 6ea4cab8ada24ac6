import type { KeyStore } from '../../vault/key-store.js';
import { bytes, text } from './fields.js';
import { insertNew } from './once.js';
import type { Scope } from './scope.js';

export function keyStore(scope: Scope): KeyStore {
  const { options } = scope;
  const collection = scope.collections.keys;

  return {
    async insert({ keyId, wrapped }) {
      const row = { _id: keyId, wrapped };
      await insertNew(scope, { collection, row, keys: { _id: keyId } });
    },
    async find(keyIds) {
      if (keyIds.length === 0) return [];
      const rows = await scope.call(() =>
        collection.find({ _id: { $in: keyIds } }, options).toArray(),
      );
      const found = new Map(rows.map((row) => [text(row, '_id'), bytes(row, 'wrapped')]));
      return keyIds.map((keyId) => found.get(keyId));
    },
    async remove(keyIds) {
      if (keyIds.length === 0) return;
      await scope.call(() => collection.deleteMany({ _id: { $in: keyIds } }, options));
    },
  };
}
