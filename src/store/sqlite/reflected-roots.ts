import type { ReflectedRootStore } from '../../erasure/reflected-roots.js';
import type { RootState } from '../../vault/vault.js';
import type { Runner } from './runner.js';

const LIST = 'SELECT rootId, epoch FROM reflectedRoots ORDER BY rootId';
const REFLECT = `
  INSERT INTO reflectedRoots (rootId, epoch) VALUES (?, ?)
  ON CONFLICT (rootId) DO UPDATE SET epoch = max(epoch, excluded.epoch)`;

export function reflectedRootStore(runner: Runner): ReflectedRootStore {
  return {
    list: () => runner.read((sql) => sql.all<RootState>(LIST)),
    reflect: ({ rootId, epoch }) =>
      runner.write((sql) => {
        sql.run(REFLECT, rootId, epoch);
      }),
  };
}
