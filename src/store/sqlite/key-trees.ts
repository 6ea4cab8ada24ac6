import { ServiceError } from '../../errors/service-error.js';
import type { NodePlace } from '../../vault/tree/key-node.js';
import type {
  Claimant,
  NodeRow,
  TreeChange,
  TreeName,
  TreeStore,
  TreeStores,
} from '../../vault/tree/tree-store.js';
import type { Sql } from './connection.js';
import type { Runner } from './runner.js';

/**
 * The `+` hides the bound values from SQLite's planner: where they might match the condition of a
 * partial index, it plans the statement anew for every value.
 */
const AT = 'rootId = ? AND tree = +? AND level = +? AND nodeIndex = ?';
const COLUMNS = 'tree, level, nodeIndex AS "index", side, epoch, revision, used, sealed';
const ROOTS = 'SELECT rootId FROM keyRoots ORDER BY rootId';
const CLAIM = `
  INSERT INTO keyRoots (rootId, ownerId, beat, epoch) VALUES (?, ?, 1, 0)
  ON CONFLICT (rootId) DO UPDATE SET ownerId = excluded.ownerId, beat = beat + 1
  RETURNING ownerId, beat`;
const RELEASE = 'UPDATE keyRoots SET ownerId = NULL WHERE rootId = ? AND ownerId = ?';
const HOLD = `
  UPDATE keyRoots SET epoch = max(epoch, ?) WHERE rootId = ? AND ownerId = ?`;
const OWNER = 'SELECT ownerId FROM keyRoots WHERE rootId = ?';
const EPOCH = 'SELECT epoch FROM keyRoots WHERE rootId = ?';
const FIND = `
  SELECT ${COLUMNS} FROM keyNodes WHERE ${AT}`;
const UPPER = `SELECT ${COLUMNS} FROM keyNodes WHERE rootId = ? AND (level > 0 OR tree = 0)`;
const WITH_ROOM = `
  SELECT tree, level, nodeIndex AS "index", used FROM keyNodes AS node
  WHERE rootId = ? AND level = 0 AND tree > 0 AND used < 64 AND NOT EXISTS (
    SELECT 1 FROM keyNodes AS other
    WHERE other.rootId = node.rootId AND other.tree = node.tree AND other.level = node.level
      AND other.nodeIndex = node.nodeIndex AND other.epoch > node.epoch)`;
const TREES = 'SELECT tree, scope FROM keyTrees WHERE rootId = ? ORDER BY tree';
const REMOVE_TREE_NODES = 'DELETE FROM keyNodes WHERE rootId = ? AND tree = ?';
const REMOVE_TREE = 'DELETE FROM keyTrees WHERE rootId = ? AND tree = ?';
const INSERT_TREE = 'INSERT INTO keyTrees (rootId, tree, scope) VALUES (?, ?, ?)';
const RESEAL = `
  UPDATE keyNodes SET revision = ?, used = ?, sealed = ?
  WHERE ${AT} AND side = ? AND epoch = ? AND revision = ?`;
const REMOVE_UNCOMMITTED = 'DELETE FROM keyNodes WHERE rootId = ? AND epoch > ?';
const WRITE = `
  INSERT INTO keyNodes (rootId, tree, level, nodeIndex, side, epoch, revision, used, sealed)
  VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
  ON CONFLICT (rootId, tree, level, nodeIndex, side) DO UPDATE SET
    epoch = excluded.epoch, revision = excluded.revision, used = excluded.used,
    sealed = excluded.sealed
  WHERE keyNodes.epoch < excluded.epoch`;

export function treeStores(runner: Runner): TreeStores {
  return {
    rootIds: () =>
      runner.read((sql) => sql.all<{ rootId: string }>(ROOTS).map(({ rootId }) => rootId)),
    of: (rootId) => treeStore(runner, rootId),
  };
}

/** A data directory is served by one process, which its lock makes sure of. */
function treeStore(runner: Runner, rootId: string): TreeStore {
  return {
    isExclusive: true,
    claim: (ownerId) =>
      runner.write((sql) => sql.get<Claimant>(CLAIM, rootId, ownerId) ?? { ownerId, beat: 0 }),
    release: (ownerId) =>
      runner.write((sql) => {
        sql.run(RELEASE, rootId, ownerId);
      }),
    find: (places) =>
      runner.read((sql) =>
        places.flatMap(({ tree, level, index }) =>
          sql.all<NodeRow>(FIND, rootId, tree, level, index),
        ),
      ),
    upperNodes: () => runner.read((sql) => sql.all<NodeRow>(UPPER, rootId)),
    leavesWithRoom: () =>
      runner.read((sql) => sql.all<NodePlace & { used: number }>(WITH_ROOM, rootId)),
    rootEpoch: () => runner.read((sql) => sql.get<{ epoch: number }>(EPOCH, rootId)?.epoch ?? 0),
    trees: () => runner.read((sql) => sql.all<TreeName>(TREES, rootId)),
    commit: (change, ownerId) =>
      runner.write((sql) => {
        const { rootEpoch = 0 } = change;
        if (sql.run(HOLD, rootEpoch, rootId, ownerId) === 0) return false;
        apply(sql, rootId, change);
        return true;
      }),
    removeUncommitted: (epoch, ownerId) =>
      runner.write((sql) => {
        if (!isOwner(sql, rootId, ownerId)) return false;
        sql.run(REMOVE_UNCOMMITTED, rootId, epoch);
        return true;
      }),
  };
}

function isOwner(sql: Sql, rootId: string, ownerId: string): boolean {
  return sql.get<{ ownerId?: string }>(OWNER, rootId)?.ownerId === ownerId;
}

function apply(sql: Sql, rootId: string, change: TreeChange): void {
  for (const tree of change.removedTrees ?? []) {
    sql.run(REMOVE_TREE_NODES, rootId, tree);
    sql.run(REMOVE_TREE, rootId, tree);
  }
  for (const node of change.written ?? []) write(sql, rootId, node);
  for (const node of change.resealed ?? []) reseal(sql, rootId, node);
  for (const { tree, scope } of change.namedTrees ?? []) sql.run(INSERT_TREE, rootId, tree, scope);
}

function write(sql: Sql, rootId: string, node: NodeRow): void {
  const { tree, level, index, side, epoch, revision, used, sealed } = node;
  const values = [rootId, tree, level, index, side, epoch, revision, used, sealed];
  requireChange(sql.run(WRITE, ...values));
}

function reseal(sql: Sql, rootId: string, node: NodeRow): void {
  const { tree, level, index, side, epoch, revision, used, sealed } = node;
  const which = [rootId, tree, level, index, side, epoch, revision - 1];
  requireChange(sql.run(RESEAL, revision, used, sealed, ...which));
}

function requireChange(changedRows: number): void {
  if (changedRows !== 1)
    throw new ServiceError('INTERNAL', { detail: 'somebody else has changed a key node' });
}
