import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import mongoose from 'mongoose';
import type { Config } from '../../src/config/config.js';

/** Every byte that the store under test holds: the files of SQLite, or the documents of MongoDB. */
export async function storedBytes(config: Pick<Config, 'dataDir' | 'mongodbUri'>): Promise<Buffer> {
  if (config.mongodbUri !== undefined) return await documentBytes(config.mongodbUri);
  const files = readdirSync(config.dataDir).filter((name) => name.includes('.db'));
  if (files.length === 0) throw new Error('there is no database file');
  return Buffer.concat(files.map((name) => readFileSync(join(config.dataDir, name))));
}

async function documentBytes(uri: string): Promise<Buffer> {
  const connection = await mongoose.createConnection(uri).asPromise();
  try {
    const parts: Uint8Array[] = [];
    for (const { name } of await connection.listCollections()) {
      const documents = await connection.collection(name).find().toArray();
      parts.push(...documents.map((document) => mongoose.mongo.BSON.serialize(document)));
    }
    return Buffer.concat(parts);
  } finally {
    await connection.close();
  }
}
