import { afterAll, beforeAll, beforeEach, test } from '@jest/globals';
import mongoose from 'mongoose';
import type { Store } from '../../src/operations/unit-of-work.js';
import { SCHEMAS } from '../../src/store/mongo/collections.js';
import { openMongoStore } from '../../src/store/mongo/open.js';
import { CALLS, type Call } from './calls.js';
import { type Database, openDatabase } from './database.js';
import { DIRECT_CALLS } from './direct-calls.js';

let database: Database;
let store: Store;
let checked: mongoose.Connection;

beforeAll(async () => {
  database = await openDatabase();
  store = await openMongoStore({ uri: database.uri });
  checked = await mongoose.createConnection(database.uri).asPromise();
});

afterAll(async () => {
  await checked.close();
  await store.close();
  await database.drop();
});

beforeEach(async () => {
  await database.empty();
});

const calls = Object.entries<Call<Store>>({ ...CALLS, ...DIRECT_CALLS });

test.each(calls)('when %s has written, then every row fits its schema', async (_name, row) => {
  await row.given?.(store);
  await row.call(store);
  for (const [name, schema] of Object.entries(SCHEMAS)) {
    const model = checked.models[name] ?? checked.model(name, schema, name);
    for (const found of await model.collection.find({}).toArray()) {
      // Members that the schema does not declare throw here.
      await new model(found).validate();
    }
  }
});
