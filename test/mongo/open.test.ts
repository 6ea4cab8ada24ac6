import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { SCHEMAS } from '../../src/store/mongo/collections.js';
import { MongoStartError } from '../../src/store/mongo/connection.js';
import { openMongoStore } from '../../src/store/mongo/open.js';
import { type Database, openDatabase } from './database.js';
import { openHelloServer } from './hello-server.js';

async function refusalOf(uri: string): Promise<string> {
  const opening = openMongoStore({ uri }).then(
    () => new Error('it opened'),
    (error: unknown) => error,
  );
  const error = await opening;
  expect(error).toBeInstanceOf(MongoStartError);
  return (error as Error).message;
}

describe('opening', () => {
  test('when the server is a standalone, then it is refused in one sentence', async () => {
    const server = await openHelloServer({});
    expect(await refusalOf(`mongodb://${server.address}/lethe`)).toBe(
      `MongoDB at ${server.address} is not part of a replica set; start it with --replSet and run rs.initiate(), one node is enough`,
    );
    await server.close();
  });

  test('when the server is a secondary, then it is refused in one sentence', async () => {
    const hello = { setName: 'rs0', isWritablePrimary: false, ismaster: false, secondary: true };
    const server = await openHelloServer(hello);
    const refusal = await refusalOf(`mongodb://${server.address}/?directConnection=true`);
    expect(refusal).toContain('is not the primary of its replica set');
    await server.close();
  });

  test('when nobody listens, then the sentence names the address and no credentials', async () => {
    const refusal = await refusalOf('mongodb://ann:secret%40word@127.0.0.1:9/lethe');
    expect(refusal).toBe(
      'MongoDB at 127.0.0.1:9 cannot be reached: no primary of the replica set answered within 5 seconds',
    );
  });

  test.each([
    'mongodb://ann:secret@127.0.0.1:port/lethe',
    'mongodb://ann:sec:ret@/lethe',
    'mongodb://ann:secret@127.0.0.1/?replicaSet=',
  ])('when the address is not valid, then the sentence holds no credentials: %s', async (uri) => {
    expect(await refusalOf(uri)).toBe('MONGODB_URI is not a valid MongoDB connection string');
  });
});

describe('an open store', () => {
  let database: Database;

  beforeAll(async () => {
    database = await openDatabase();
  });

  afterAll(async () => {
    await database.drop();
  });

  test('when several processes open one database at once, then all succeed and every declared index is there', async () => {
    const opening = Array.from({ length: 4 }, () => openMongoStore({ uri: database.uri }));
    for (const store of await Promise.all(opening)) await store.close();

    for (const [name, schema] of Object.entries(SCHEMAS)) {
      const indexes = await database.db.collection(name).indexes();
      const declared = schema
        .indexes()
        .map(([key, { unique }]) => ({ key, unique: unique === true }));
      const present = indexes
        .filter((index) => index.name !== '_id_')
        .map(({ key, unique }) => ({ key, unique: unique === true }));
      expect({ name, present }).toEqual({ name, present: expect.arrayContaining(declared) });
      expect(present).toHaveLength(declared.length);
    }
  });

  test('when an index stands with other options, then the sentence says which', async () => {
    const clients = database.db.collection('clients');
    await clients.dropIndex('apiKeyDigest_1');
    await clients.createIndexes([{ key: { apiKeyDigest: 1 } }]);
    expect(await refusalOf(database.uri)).toContain('clients cannot be made: one of the same name');
    await clients.dropIndex('apiKeyDigest_1');
  });

  test('when rows break a unique index, then the sentence says so', async () => {
    const clients = database.db.collection<{ _id: string; apiKeyDigest: string }>('clients');
    await clients.insertMany(['a', 'b'].map((_id) => ({ _id, apiKeyDigest: 'same' })));
    expect(await refusalOf(database.uri)).toContain('holds rows with the same key');
    await clients.deleteMany({});
  });

  test('when the database is of an early release, then the sentence says so and nothing is made', async () => {
    const early = await openDatabase();
    await early.db.createCollection('logRecords');
    expect(await refusalOf(early.uri)).toBe(
      `The database ${early.db.databaseName} was made by an early release of Lethe, whose log this one does not know; name an empty database in MONGODB_URI and let people enrol again`,
    );
    expect(await early.db.collections()).toHaveLength(1);
    await early.drop();
  });

  test('when it is closed, then what is under way is finished and later calls are refused', async () => {
    const store = await openMongoStore({ uri: database.uri });
    const underWay = store.reflectedRoots.reflect({ rootId: 'r', epoch: 1 });
    await store.close();
    await expect(underWay).resolves.toBeUndefined();
    await expect(store.reflectedRoots.list()).rejects.toMatchObject({ code: 'UNAVAILABLE' });
    await expect(store.transaction(async () => undefined)).rejects.toMatchObject({
      code: 'UNAVAILABLE',
    });
  });
});
