import { accessSync, constants, copyFileSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { connect } from 'node:net';
import { homedir } from 'node:os';
import { join } from 'node:path';
import type mongoose from 'mongoose';

const STAND_IN_HOME =
  process.env['MONGO_STAND_IN_HOME'] ??
  join(process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache'), 'mongo-stand-in');
const ANSWER_LIMIT_MS = 30_000;

/** Copies of files of the server under test. */
export interface ServerFiles {
  readonly paths: readonly string[];
  /** Whether they are PostgreSQL's (the stand-in), of which this is known: no row is compressed. */
  readonly isStandIn: boolean;
}

/**
 * Copies the files that were written since then, after the server was asked to write what it holds
 * in memory. Undefined when they are not on this machine, or not for this user to read.
 */
export async function copyServerFiles(
  db: mongoose.mongo.Db,
  { sinceMs, dir }: { sinceMs: number; dir: string },
): Promise<ServerFiles | undefined> {
  const admin = db.client.db('admin');
  const isStandIn = (await admin.command({ buildInfo: 1 }))['gitVersion'] === 'stand-in';
  const folder = isStandIn ? await folderOfStandIn() : await folderOfMongod(admin);
  if (folder === undefined) return undefined;
  const paths = readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .flatMap((path, index) => copyIfNewer(path, { sinceMs, to: join(dir, `file-${index}`) }));
  return { paths, isStandIn };
}

/** The path of the copy; nothing for a file that is older, or was removed by now. */
function copyIfNewer(path: string, { sinceMs, to }: { sinceMs: number; to: string }): string[] {
  try {
    if (statSync(path).mtimeMs < sinceMs) return [];
    copyFileSync(path, to);
    return [to];
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  }
}

async function folderOfMongod(admin: mongoose.mongo.Db): Promise<string | undefined> {
  const options = await admin.command({ getCmdLineOpts: 1 }).catch(() => undefined);
  const folder: unknown = options?.['parsed']?.storage?.dbPath;
  if (typeof folder !== 'string' || !isReadable(folder)) return undefined;
  await admin.command({ fsync: 1 });
  return folder;
}

async function folderOfStandIn(): Promise<string | undefined> {
  const folder = join(STAND_IN_HOME, 'root/data');
  if (!isReadable(join(folder, 'postmaster.pid'))) return undefined;
  const [, , , port] = readFileSync(join(folder, 'postmaster.pid'), 'utf8').split('\n');
  await checkpoint(Number(port));
  return folder;
}

function isReadable(path: string): boolean {
  try {
    accessSync(path, constants.R_OK);
    return true;
  } catch {
    return false;
  }
}

/** Sends CHECKPOINT to PostgreSQL (protocol 3.0): its start-up message, a simple query, and the end. */
async function checkpoint(port: number): Promise<void> {
  const startUp = Buffer.from('\0\x03\0\0user\0postgres\0database\0postgres\0\0', 'latin1');
  const query = Buffer.from('CHECKPOINT\0');
  const socket = connect({ port, host: '127.0.0.1', timeout: ANSWER_LIMIT_MS });
  socket.write(Buffer.concat([length(startUp), startUp]));
  socket.write(Buffer.concat([Buffer.from('Q'), length(query), query]));
  socket.write(Buffer.concat([Buffer.from('X'), length(Buffer.alloc(0))]));
  const answer: Buffer[] = [];
  socket.on('timeout', () => socket.destroy(new Error('PostgreSQL did not answer')));
  for await (const chunk of socket) answer.push(chunk as Buffer);
  if (!Buffer.concat(answer).includes('CHECKPOINT\0'))
    throw new Error('PostgreSQL made no checkpoint');
}

/** The length of a message counts its own 4 bytes. */
function length(message: Buffer): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(message.byteLength + bytes.byteLength);
  return bytes;
}
