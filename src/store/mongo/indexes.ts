import { type Connection, mongo, type Schema } from 'mongoose';
import { type CollectionName, type Collections, SCHEMAS } from './collections.js';
import { database, MongoStartError } from './connection.js';
import { repeat } from './patience.js';

const COLLECTION_EXISTS = 48;

/** Why MongoDB will not make an index, by its error code. */
const REFUSALS: Readonly<Record<number, string>> = {
  85: 'one of the same name has other options; drop it and start again',
  86: 'one of the same name has other keys; drop it and start again',
  11000: 'it holds rows with the same key, which Lethe never writes; is it the right database?',
};

/** Only early releases made it. */
const EARLY_COLLECTION = 'logRecords';

/** Makes every collection with the indexes that its schema declares; throws {@link MongoStartError}. */
export async function openCollections(connection: Connection): Promise<Collections> {
  const db = database(connection);
  await repeat(() => refuseEarlyRelease(db));
  const names = Object.keys(SCHEMAS) as CollectionName[];
  for (const name of names) {
    await repeat(() => createCollection(db, name));
    await repeat(() => createIndexes(db.collection(name), SCHEMAS[name]));
  }
  const opened = names.map((name) => [name, db.collection(name)] as const);
  return Object.fromEntries(opened) as unknown as Collections;
}

async function refuseEarlyRelease(db: mongo.Db): Promise<void> {
  const found = await db.listCollections({ name: EARLY_COLLECTION }, { nameOnly: true }).toArray();
  if (found.length === 0) return;
  throw new MongoStartError(
    `The database ${db.databaseName} was made by an early release of Lethe, whose log this one does not ` +
      'know; name an empty database in MONGODB_URI and let people enrol again',
  );
}

/** A transaction cannot rely on making a collection that it meets first. */
async function createCollection(db: mongo.Db, name: string): Promise<void> {
  try {
    await db.createCollection(name);
  } catch (error) {
    if (!(error instanceof mongo.MongoError && error.code === COLLECTION_EXISTS)) throw error;
  }
}

async function createIndexes(collection: mongo.Collection, schema: Schema): Promise<void> {
  const indexes = schema.indexes().map(toIndex);
  if (indexes.length === 0) return;
  try {
    await collection.createIndexes(indexes);
  } catch (error) {
    const reason = error instanceof mongo.MongoError ? REFUSALS[Number(error.code)] : undefined;
    if (reason === undefined) throw error;
    throw new MongoStartError(`The indexes of ${collection.namespace} cannot be made: ${reason}`);
  }
}

function toIndex([key, options]: [object, object]): mongo.IndexDescription {
  return { ...options, key } as mongo.IndexDescription;
}
