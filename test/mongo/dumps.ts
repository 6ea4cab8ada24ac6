import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import mongoose from 'mongoose';
import type { StoredValues } from '../support/loot.js';

const { BSON, MongoClient } = mongoose.mongo;

/**
 * Writes what mongodump writes: for each collection its documents as they are kept (BSON, each with
 * its length in front), and its index definitions. Returns the paths.
 */
export async function dump(
  db: mongoose.mongo.Db,
  { dir, name, values }: { dir: string; name: string; values: StoredValues },
): Promise<readonly string[]> {
  const collections = await db.collections();
  const written = collections.map(async (collection) => {
    const documents = await collection.find({}, { raw: true }).toArray();
    for (const document of documents) values.add(BSON.deserialize(bytesOf(document)));
    const path = join(dir, `${name}.${collection.collectionName}`);
    writeFileSync(`${path}.bson`, Buffer.concat(documents.map(bytesOf)));
    const metadata = {
      collectionName: collection.collectionName,
      indexes: await collection.indexes(),
    };
    writeFileSync(`${path}.metadata.json`, JSON.stringify(metadata));
    return [`${path}.bson`, `${path}.metadata.json`];
  });
  return (await Promise.all(written)).flat();
}

/** With `raw` the driver hands out the bytes of a document in its place. */
function bytesOf(document: object): Uint8Array {
  if (document instanceof Uint8Array) return document;
  throw new TypeError('the driver has interpreted a document');
}

/** Every command of the connections that are opened meanwhile, as it was sent. */
export interface CommandRecord {
  readonly names: ReadonlySet<string>;
  bytes(): Buffer;
  end(): void;
}

/**
 * Records what this process sends to MongoDB through addresses with `monitorCommands=true`: whatever
 * an oplog could hold has been in such a command. Also what was never committed.
 */
export function recordCommands(values: StoredValues): CommandRecord {
  const names = new Set<string>();
  const commands: Uint8Array[] = [];
  const connect = MongoClient.prototype.connect;
  MongoClient.prototype.connect = async function watched(this: mongoose.mongo.MongoClient) {
    this.on('commandStarted', ({ commandName, command }) => {
      names.add(commandName);
      values.add(command);
      commands.push(BSON.serialize(command, { ignoreUndefined: true }));
    });
    return await connect.call(this);
  };
  return {
    names,
    bytes: () => Buffer.concat(commands),
    end() {
      MongoClient.prototype.connect = connect;
    },
  };
}
