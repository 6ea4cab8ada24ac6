import type {
  LogExtension,
  LogHead,
  LogSegment,
  LogStore,
  PendingEntry,
} from '../../audit/log-store.js';
import { timePrefix } from '../entry-ids.js';
import { requireFit } from '../log-extension.js';
import { number, text } from './fields.js';
import { readLogKeys } from './log-keys.js';
import { fromNode, toCosignature, toHead, toNode, toPending, toSegment } from './log-rows.js';
import { insertOnce, removeSome } from './once.js';
import type { Scope } from './scope.js';

type Extend = Parameters<LogStore['sequence']>[1];

export function logStore(scope: Scope): LogStore {
  const { options } = scope;
  const { logSegments, logNodes, logEntries, cosignatures } = scope.collections;

  return {
    sequence: (limit, extend) => scope.atomically((within) => sequence(within, { limit, extend })),
    head: () => readHead(scope),
    async findIndex(entryId) {
      const row = await scope.call(() => logEntries.findOne({ _id: entryId }, options));
      return row === null ? undefined : number(row, 'leafIndex');
    },
    async findCheckpoint(index) {
      const last = {
        ...options,
        sort: { _id: -1 },
        projection: { size: 1, checkpoint: 1 },
      } as const;
      const row = await scope.call(() => logSegments.findOne({ _id: { $lte: index } }, last));
      if (row === null || number(row, 'size') <= index) return undefined;
      return { size: number(row, 'size'), checkpoint: text(row, 'checkpoint') };
    },
    readSegments: (fromIndex, limit) => readSegments(scope, { fromIndex, limit }),
    async readNodes({ level, index }, limit) {
      const page = { ...options, sort: { level: 1, index: 1 }, limit } as const;
      const from = { level, index: { $gte: index } };
      const rows = await scope.call(() => logNodes.find(from, page).toArray());
      return rows.map(toNode);
    },
    forgetEntriesBefore(beforeMs, limit) {
      const which = { _id: { $lt: timePrefix(beforeMs) } };
      return removeSome(scope, { collection: logEntries, which, limit });
    },
    async addCosignature({ size, witness, line }) {
      const [row, keys] = [
        { size, witness, line },
        { size, witness },
      ];
      await insertOnce(scope, { collection: cosignatures, row, keys });
    },
    async readCosignatures(fromSize, limit) {
      const page = { ...options, sort: { size: 1, witness: 1 }, limit } as const;
      const rows = await scope.call(() =>
        cosignatures.find({ size: { $gte: fromSize } }, page).toArray(),
      );
      return rows.map(toCosignature);
    },
    async findLargestCosigned() {
      const largest = { ...options, sort: { size: -1 } } as const;
      const row = await scope.call(() => cosignatures.findOne({}, largest));
      return row === null ? undefined : number(row, 'size');
    },
  };
}

async function sequence(
  scope: Scope,
  { limit, extend }: { limit: number; extend: Extend },
): Promise<number> {
  const { options } = scope;
  const { pendingEntries } = scope.collections;
  for (;;) {
    const oldest = { ...options, sort: { _id: 1 }, limit } as const;
    const rows = await scope.call(() => pendingEntries.find({}, oldest).toArray());
    const ids = rows.map((row) => row._id);
    // First of the writes, so that of two processes one gives way before it has done anything else.
    if (ids.length > 0)
      await scope.call(() => pendingEntries.deleteMany({ _id: { $in: ids } }, options));
    const pending = await withoutMoved(scope, rows.map(toPending));
    if (pending.length > 0) await move(scope, { pending, extend });
    if (pending.length > 0 || rows.length < limit) return pending.length;
  }
}

/** An append whose reply was lost may have been repeated after its entry had moved on. */
async function withoutMoved(
  scope: Scope,
  pending: readonly PendingEntry[],
): Promise<readonly PendingEntry[]> {
  const ids = pending.map(({ entryId }) => entryId);
  const named = { ...scope.options, projection: { _id: 1 } } as const;
  const rows = await scope.call(() =>
    scope.collections.logEntries.find({ _id: { $in: ids } }, named).toArray(),
  );
  const moved = new Set(rows.map((row) => text(row, '_id')));
  return pending.filter(({ entryId }) => !moved.has(entryId));
}

async function move(
  scope: Scope,
  { pending, extend }: { pending: readonly PendingEntry[]; extend: Extend },
): Promise<void> {
  const head = await readHead(scope);
  const keys = await readLogKeys(scope);
  const extension = extend({ head, keys }, pending);
  requireFit(extension, { head, count: pending.length });
  await store(scope, extension, pending);
}

async function store(
  { call, options, collections }: Scope,
  { segment, nodes }: LogExtension,
  pending: readonly PendingEntry[],
): Promise<void> {
  const { start, ...members } = segment;
  const entries = pending.map(({ entryId }, place) => ({ _id: entryId, leafIndex: start + place }));
  await call(() => collections.logEntries.insertMany(entries, options));
  await call(() => collections.logSegments.insertOne({ _id: start, ...members }, options));
  if (nodes.length > 0)
    await call(() => collections.logNodes.insertMany(nodes.map(fromNode), options));
}

async function readHead(scope: Scope): Promise<LogHead | undefined> {
  const last = { ...scope.options, sort: { _id: -1 }, projection: { bundle: 0 } } as const;
  const row = await scope.call(() => scope.collections.logSegments.findOne({}, last));
  return row === null ? undefined : toHead(row);
}

async function readSegments(
  { call, options, collections }: Scope,
  { fromIndex, limit }: { fromIndex: number; limit: number },
): Promise<readonly LogSegment[]> {
  const { logSegments } = collections;
  const last = { ...options, sort: { _id: -1 }, projection: { _id: 1 } } as const;
  const holder = await call(() => logSegments.findOne({ _id: { $lte: fromIndex } }, last));
  if (holder === null) return [];
  // The last segment may end before the index; whatever comes after it does not.
  const from = { _id: { $gte: number(holder, '_id') }, size: { $gt: fromIndex } };
  const page = { ...options, sort: { _id: 1 }, limit } as const;
  const rows = await call(() => logSegments.find(from, page).toArray());
  return rows.map(toSegment);
}
