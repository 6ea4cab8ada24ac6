import type { mongo } from 'mongoose';
import { ServiceError } from '../../errors/service-error.js';
import { randomId } from '../../lib/ids.js';
import type {
  Claimant,
  NodeRow,
  TreeChange,
  TreeStore,
  TreeStores,
} from '../../vault/tree/tree-store.js';
import { isDuplicateKey, LostRace } from './failures.js';
import { number, optional, text } from './fields.js';
import {
  fromNode,
  type KeyRootRow,
  kindOf,
  nodeId,
  placeId,
  toLeaf,
  toNode,
  toTreeName,
} from './key-tree-rows.js';
import type { Scope } from './scope.js';

const LEAVES_AT_ONCE = 1_000;

type Leaf = ReturnType<typeof toLeaf>;

export function treeStores(scope: Scope): TreeStores {
  return {
    async rootIds() {
      const rows = await scope.call(() =>
        scope.collections.keyRoots.find({}, { ...scope.options, sort: { _id: 1 } }).toArray(),
      );
      return rows.map((row) => row._id);
    },
    of: (rootId) => treeStore(scope, rootId),
  };
}

function treeStore(scope: Scope, rootId: string): TreeStore {
  const { options } = scope;
  const { keyNodes, keyRoots, keyTrees } = scope.collections;
  const whileOwner = (
    by: { ownerId: string; rootEpoch: number | undefined },
    work: (within: Scope) => Promise<void>,
  ): Promise<boolean> =>
    scope.atomically(async (within) => {
      if (!(await holdOwner(within, { rootId, ...by }))) return false;
      await work(within);
      return true;
    });

  return {
    isExclusive: false,
    claim(ownerId, dead) {
      const writeId = randomId();
      return scope.call(async (isRepetition) => {
        const done = isRepetition
          ? await keyRoots.findOne({ _id: rootId, writeId }, options)
          : null;
        if (done !== null) return toClaimant(done);
        return await claim(scope, { rootId, ownerId, writeId, dead });
      });
    },
    async release(ownerId) {
      await scope.call(() =>
        keyRoots.updateOne({ _id: rootId, ownerId }, { $unset: { ownerId: 1 } }, options),
      );
    },
    async find(places) {
      if (places.length === 0) return [];
      const ids = places.map((place) => placeId(rootId, place));
      const rows = await scope.call(() =>
        keyNodes.find({ place: { $in: ids } }, options).toArray(),
      );
      return rows.map(toNode);
    },
    async upperNodes() {
      const rows = await scope.call(() =>
        keyNodes.find({ rootId, kind: 'upper' }, options).toArray(),
      );
      return rows.map(toNode);
    },
    async leavesWithRoom() {
      const page = { ...options, projection: { sealed: 0 } };
      const rows = await scope.call(() => keyNodes.find({ rootId, kind: 'room' }, page).toArray());
      const leaves: Leaf[] = [];
      for (let at = 0; at < rows.length; at += LEAVES_AT_ONCE) {
        const places = rows.slice(at, at + LEAVES_AT_ONCE).map(({ place }) => place);
        const sides = await scope.call(() =>
          keyNodes.find({ place: { $in: places } }, { ...page, sort: { epoch: 1 } }).toArray(),
        );
        const latest = new Map(sides.map((row) => [row.place, row]));
        leaves.push(...[...latest.values()].filter(({ kind }) => kind === 'room').map(toLeaf));
      }
      return leaves;
    },
    async rootEpoch() {
      const row = await scope.call(() => keyRoots.findOne({ _id: rootId }, options));
      return row?.epoch ?? 0;
    },
    async trees() {
      const sorted = { ...options, sort: { tree: 1 } } as const;
      const rows = await scope.call(() => keyTrees.find({ rootId }, sorted).toArray());
      return rows.map(toTreeName);
    },
    commit: (change, ownerId) =>
      whileOwner({ ownerId, rootEpoch: change.rootEpoch }, (within) =>
        apply(within, rootId, change),
      ),
    removeUncommitted: (epoch, ownerId) =>
      whileOwner({ ownerId, rootEpoch: undefined }, async ({ call, options: within }) => {
        await call(() => keyNodes.deleteMany({ rootId, epoch: { $gt: epoch } }, within));
      }),
  };
}

async function claim(
  { collections, options }: Scope,
  by: { rootId: string; ownerId: string; writeId: string; dead: Claimant | undefined },
): Promise<Claimant> {
  const { rootId, ownerId, writeId, dead } = by;
  const mine: mongo.Filter<KeyRootRow>[] = [{ ownerId }, { ownerId: { $exists: false } }];
  if (dead !== undefined) mine.push({ ownerId: dead.ownerId, beat: dead.beat });
  const update = { $set: { ownerId, writeId }, $inc: { beat: 1 } };
  const taken = await collections.keyRoots.findOneAndUpdate({ _id: rootId, $or: mine }, update, {
    ...options,
    returnDocument: 'after',
  });
  if (taken !== null) return toClaimant(taken);
  const holder = await collections.keyRoots.findOne({ _id: rootId }, options);
  if (holder !== null) return toClaimant(holder);
  try {
    await collections.keyRoots.insertOne(
      { _id: rootId, writeId, ownerId, beat: 1, epoch: 0 },
      options,
    );
    return { ownerId, beat: 1 };
  } catch (error) {
    if (isDuplicateKey(error)) throw new LostRace('another process claimed the root first');
    throw error;
  }
}

function toClaimant(row: object): Claimant {
  return { ownerId: optional(text, row, 'ownerId').ownerId ?? '', beat: number(row, 'beat') };
}

/** The row is written, so that a claim by another process and this change cannot both be committed. */
async function holdOwner(
  { call, collections, options }: Scope,
  by: { rootId: string; ownerId: string; rootEpoch: number | undefined },
): Promise<boolean> {
  const { rootId, ownerId, rootEpoch = 0 } = by;
  const held = await call(() =>
    collections.keyRoots.updateOne(
      { _id: rootId, ownerId },
      { $set: { heldBy: randomId() }, $max: { epoch: rootEpoch } },
      options,
    ),
  );
  return held.matchedCount === 1;
}

async function apply(scope: Scope, rootId: string, change: TreeChange): Promise<void> {
  const { call, options } = scope;
  const { keyNodes, keyTrees } = scope.collections;
  for (const tree of change.removedTrees ?? []) {
    await call(() => keyNodes.deleteMany({ rootId, tree }, options));
    await call(() => keyTrees.deleteOne({ _id: `${rootId}/${tree.toString()}` }, options));
  }
  await write(scope, rootId, change.written ?? []);
  for (const node of change.resealed ?? []) await reseal(scope, rootId, node);
  const named = (change.namedTrees ?? []).map(({ tree, scope: name }) => ({
    _id: `${rootId}/${tree.toString()}`,
    rootId,
    tree,
    scope: name,
  }));
  if (named.length > 0) await call(() => keyTrees.insertMany(named, options));
}

/** A row of the same or a later epoch does not match, so its upsert meets a duplicate key. */
async function write(
  { call, collections, options }: Scope,
  rootId: string,
  nodes: readonly NodeRow[],
): Promise<void> {
  if (nodes.length === 0) return;
  const operations = nodes.map((node) => ({
    replaceOne: {
      filter: { _id: nodeId(rootId, node), epoch: { $lt: node.epoch } },
      replacement: fromNode(rootId, node),
      upsert: true,
    },
  }));
  await call(() => collections.keyNodes.bulkWrite(operations, options));
}

async function reseal(
  { call, collections, options }: Scope,
  rootId: string,
  node: NodeRow,
): Promise<void> {
  const { epoch, revision, used, sealed } = node;
  const changed = await call(() =>
    collections.keyNodes.updateOne(
      { _id: nodeId(rootId, node), epoch, revision: revision - 1 },
      { $set: { revision, used, sealed, kind: kindOf(node) } },
      options,
    ),
  );
  if (changed.matchedCount === 1) return;
  await call(() =>
    Promise.reject(
      new ServiceError('INTERNAL', { detail: 'somebody else has changed a key node' }),
    ),
  );
}
