import type { mongo } from 'mongoose';
import { ServiceError } from '../../errors/service-error.js';
import { randomId } from '../../lib/ids.js';
import { isDuplicateKey } from './failures.js';
import type { Held, Written } from './schema.js';
import type { Scope } from './scope.js';

type Unwritten<R> = Omit<R, 'writeId' | '_id'> & Partial<Pick<R, '_id' & keyof R>>;

type AnyRow = mongo.BSON.Document;

/** The driver's types cannot join a filter of rows yet unknown with a member that all of them have. */
function untyped(of: { collection: unknown; filter: object }): {
  collection: mongo.Collection;
  filter: mongo.Filter<AnyRow>;
} {
  return of as ReturnType<typeof untyped>;
}

/**
 * Inserts a row unless one stands under its keys; returns whether it did. A duplicate key proves
 * nothing by itself: the row may be this call's own, whose reply was lost.
 */
export function insertOnce<R extends Written & mongo.BSON.Document>(
  scope: Scope,
  request: { collection: mongo.Collection<R>; row: Unwritten<R>; keys: mongo.Filter<R> },
): Promise<boolean> {
  const { row } = request;
  const { collection, filter: keys } = untyped({ ...request, filter: request.keys });
  const writeId = randomId();
  const standing = (): Promise<mongo.BSON.Document[]> =>
    collection.find(keys, { ...scope.options, projection: { writeId: 1 } }).toArray();

  return scope.call(async () => {
    // Inside a transaction a duplicate key would end it, so it is looked for first.
    if (scope.isTransaction && (await standing()).length > 0) return false;
    try {
      await collection.insertOne({ ...row, writeId }, scope.options);
      return true;
    } catch (error) {
      if (scope.isTransaction || !isDuplicateKey(error)) throw error;
      const rows = await standing();
      if (rows.length === 0) throw error;
      return rows.some((found) => found['writeId'] === writeId);
    }
  });
}

/** Inserts a row whose keys nobody else can have; fails when one stands there. */
export async function insertNew<R extends Written & mongo.BSON.Document>(
  scope: Scope,
  request: Parameters<typeof insertOnce<R>>[1],
): Promise<void> {
  if (await insertOnce(scope, request)) return;
  const detail = `a row of ${request.collection.collectionName} has these keys`;
  await scope.call(() => Promise.reject(new ServiceError('INTERNAL', { detail })));
}

/**
 * Changes the row under the keys if it is as expected; returns it as it is afterwards, or undefined
 * when it was otherwise.
 */
export function changeOnce<R extends Written & mongo.BSON.Document>(
  scope: Scope,
  request: {
    collection: mongo.Collection<R>;
    keys: mongo.Filter<R>;
    expected: mongo.Filter<R>;
    set: Partial<Unwritten<R>>;
    unset?: readonly (keyof R & string)[];
  },
): Promise<object | undefined> {
  const { collection, filter: keys } = untyped({ ...request, filter: request.keys });
  const writeId = randomId();
  const update = {
    $set: { ...request.set, writeId },
    ...(request.unset && { $unset: Object.fromEntries(request.unset.map((name) => [name, 1])) }),
  };
  return scope.call(async (isRepetition) => {
    const changed = await collection.findOneAndUpdate({ ...keys, ...request.expected }, update, {
      ...scope.options,
      returnDocument: 'after',
    });
    if (changed !== null || !isRepetition) return changed ?? undefined;
    return (await collection.findOne({ ...keys, writeId }, scope.options)) ?? undefined;
  });
}

/** Removes at most `limit` rows; returns how many. */
export function removeSome<R extends mongo.BSON.Document>(
  scope: Scope,
  request: { collection: mongo.Collection<R>; which: mongo.Filter<R>; limit: number },
): Promise<number> {
  const { limit } = request;
  const { collection, filter } = untyped({ ...request, filter: request.which });
  return scope.atomically(async ({ call, options }) => {
    const rows = await call(() =>
      collection
        .find(filter, { ...options, projection: { _id: 1 } })
        .limit(limit)
        .toArray(),
    );
    if (rows.length === 0) return 0;
    const ids = rows.map((row) => row._id);
    const removed = await call(() => collection.deleteMany({ _id: { $in: ids } }, options));
    return removed.deletedCount;
  });
}

/**
 * Reads one row. In a transaction it is written too, because MongoDB sees a conflict only between
 * writes: so nobody changes the row before the commit of what rests on it.
 */
export async function holdOne<R extends Held & mongo.BSON.Document>(
  scope: Scope,
  request: { collection: mongo.Collection<R>; which: mongo.Filter<R>; sort?: mongo.Sort },
): Promise<object | undefined> {
  const { collection, filter } = untyped({ ...request, filter: request.which });
  const options = { ...scope.options, ...(request.sort && { sort: request.sort }) };
  const row = await scope.call(() =>
    scope.isTransaction
      ? collection.findOneAndUpdate(filter, { $set: { heldBy: randomId() } }, options)
      : collection.findOne(filter, options),
  );
  return row ?? undefined;
}
