import { randomUUID } from 'node:crypto';
import { copyFileSync } from 'node:fs';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import mongoose from 'mongoose';
import type { Config } from '../../src/config/config.js';

/** The parts of a database that hold the key tree and the log; everything else is users' data. */
const PARTS: Readonly<Record<string, Part>> = {
  keyRoots: 'keys',
  keyTrees: 'keys',
  keyNodes: 'keys',
  logSegments: 'log',
  logNodes: 'log',
  logEntries: 'log',
  logKeys: 'log',
  cosignatures: 'log',
};

type Part = 'users' | 'keys' | 'log';

/** A backup of a whole database, of which parts can be put back later while nothing uses it. */
export interface Backup {
  restore(part: Part): Promise<void>;
}

/** Takes it from the stopped or running service under test. */
export async function takeBackup(config: Pick<Config, 'dataDir' | 'mongodbUri'>): Promise<Backup> {
  return config.mongodbUri === undefined
    ? sqliteBackup(config.dataDir)
    : await mongoBackup(config.mongodbUri);
}

function isPart(name: string, part: Part): boolean {
  return (PARTS[name] ?? 'users') === part;
}

function sqliteBackup(dataDir: string): Backup {
  const path = join(dataDir, 'lethe.db');
  const copy = join(dataDir, `backup-${randomUUID()}`);
  const source = new Database(path);
  source.pragma('wal_checkpoint(TRUNCATE)');
  source.close();
  copyFileSync(path, copy);
  return {
    restore: async (part) => {
      const database = new Database(path);
      database.prepare('ATTACH ? AS backup').run(copy);
      const tables = database
        .prepare<[], { name: string }>("SELECT name FROM sqlite_schema WHERE type = 'table'")
        .all();
      for (const { name } of tables.filter((table) => isPart(table.name, part))) {
        database.exec(
          `DELETE FROM main.${name}; INSERT INTO main.${name} SELECT * FROM backup.${name}`,
        );
      }
      database.close();
    },
  };
}

async function mongoBackup(uri: string): Promise<Backup> {
  const kept = new Map<string, mongoose.mongo.BSON.Document[]>();
  await withMongo(uri, async (connection) => {
    for (const { name } of await connection.listCollections())
      kept.set(name, await connection.collection(name).find().toArray());
  });
  return {
    restore: (part) =>
      withMongo(uri, async (connection) => {
        for (const [name, rows] of kept) {
          if (!isPart(name, part)) continue;
          await connection.collection(name).deleteMany({});
          if (rows.length > 0) await connection.collection(name).insertMany(rows);
        }
      }),
  };
}

async function withMongo(
  uri: string,
  work: (connection: mongoose.Connection) => Promise<void>,
): Promise<void> {
  const connection = await mongoose.createConnection(uri).asPromise();
  try {
    await work(connection);
  } finally {
    await connection.close();
  }
}
