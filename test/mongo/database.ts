import mongoose from 'mongoose';
import { testDatabase } from '../support/database.js';

/** The database of a test file, also seen past the store. */
export interface Database {
  readonly uri: string;
  readonly db: mongoose.mongo.Db;
  /** Every row of every collection, without what differs from call to call. */
  rows(): Promise<Readonly<Record<string, readonly object[]>>>;
  /** Removes all rows and keeps collections and indexes; quick when `rows` was the last to be called. */
  empty(): Promise<void>;
  drop(): Promise<void>;
}

/** Names that are made anew for each call, and times of the real clock. */
const CHANCE = new Set(['writeId', 'heldBy', 'leaseId', 'removableAt']);

export async function openDatabase(): Promise<Database> {
  const { mongodbUri: uri, drop } = await testDatabase();
  if (uri === undefined) throw new Error('LETHE_TEST_STORE=mongo runs these tests');
  const connection = await mongoose.createConnection(uri, { promoteBuffers: true }).asPromise();
  const db = connection.getClient().db(connection.name);

  let all: readonly mongoose.mongo.Collection[] = [];
  /** What has rows, when nothing was written since they were read. */
  let filled: readonly mongoose.mongo.Collection[] | undefined;

  async function collections(): Promise<typeof all> {
    if (all.length === 0) {
      const found = await db.collections();
      all = found.sort((a, b) => (a.collectionName < b.collectionName ? -1 : 1));
    }
    return all;
  }

  return {
    uri,
    db,
    async rows() {
      const reading = (await collections()).map(async (collection) => {
        const rows = await collection.find({}, { sort: { _id: 1 } }).toArray();
        return { collection, rows: rows.map(withoutChance) };
      });
      const found = await Promise.all(reading);
      filled = found.filter(({ rows }) => rows.length > 0).map(({ collection }) => collection);
      return Object.fromEntries(
        found.map(({ collection, rows }) => [collection.collectionName, rows]),
      );
    },
    async empty() {
      const emptied = filled ?? (await collections());
      filled = undefined;
      await Promise.all(emptied.map((collection) => collection.deleteMany({})));
    },
    async drop() {
      await connection.close();
      await drop();
    },
  };
}

function withoutChance(row: object): object {
  const members = Object.entries(row).map(([name, value]) => {
    const isChance = CHANCE.has(name) || value instanceof mongoose.mongo.ObjectId;
    return [name, isChance ? 'differs' : value] as const;
  });
  return Object.fromEntries(members);
}
