import { randomBytes } from 'node:crypto';
import mongoose from 'mongoose';

/** A database of its own for one test file: the MongoDB under test, or none for SQLite. */
export async function testDatabase(): Promise<{
  mongodbUri: string | undefined;
  drop(): Promise<void>;
}> {
  if (process.env['LETHE_TEST_STORE'] !== 'mongo') {
    return { mongodbUri: undefined, drop: async () => undefined };
  }
  const base = process.env['MONGODB_URI'];
  if (base === undefined) throw new Error('MONGODB_URI says where the MongoDB under test is');
  const url = new URL(base);
  url.pathname = `/lethe_test_${randomBytes(8).toString('hex')}`;
  const mongodbUri = url.href;
  return {
    mongodbUri,
    drop: async () => {
      const connection = await mongoose.createConnection(mongodbUri).asPromise();
      await connection.dropDatabase();
      await connection.close();
    },
  };
}
