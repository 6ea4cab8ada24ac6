import { ServiceError } from '../../errors/service-error.js';
import type { Installation, InstallationStore } from '../../vault/installation-store.js';
import { toInstallation } from './installation-rows.js';
import { insertOnce } from './once.js';
import type { Scope } from './scope.js';

const ONLY = 'installation';

export function installationStore(scope: Scope): InstallationStore {
  const collection = scope.collections.installations;

  async function find(): Promise<Installation | undefined> {
    const row = await scope.call(() => collection.findOne({ _id: ONLY }, scope.options));
    return row === null ? undefined : toInstallation(row);
  }

  return {
    find,
    async insert(installation) {
      const row = { _id: ONLY, ...installation };
      await insertOnce(scope, { collection, row, keys: { _id: ONLY } });
      const standing = await find();
      if (standing === undefined) {
        throw new ServiceError('INTERNAL', { detail: 'the installation vanished' });
      }
      return standing;
    },
  };
}
