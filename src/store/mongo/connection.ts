import { type Connection, createConnection, mongo } from 'mongoose';
import { SECOND_MS } from '../../lib/clock.js';
import { DURABLE } from './durability.js';

const ANSWER_LIMIT_MS = 5 * SECOND_MS;
/** Longer than any command takes, shorter than the wait for a connection that is dead unnoticed. */
const SILENCE_LIMIT_MS = 15 * SECOND_MS;
const DEFAULT_DATABASE = 'lethe';

/** A database that stops the start: where it is and the reason, in one sentence. */
export class MongoStartError extends Error {
  override readonly name = 'MongoStartError';
}

/** Connects to the primary of a replica set. Throws {@link MongoStartError}, which holds no credentials. */
export async function connect(uri: string): Promise<Connection> {
  requireValid(uri);
  const connection = createConnection();
  // The driver reports a lost server to each call as well; unheard, the event would end the process.
  connection.on('error', () => undefined);
  try {
    await connection.openUri(uri, {
      ...DURABLE,
      ...(namesDatabase(uri) ? {} : { dbName: DEFAULT_DATABASE }),
      appName: 'lethe',
      retryWrites: true,
      retryReads: true,
      promoteBuffers: true,
      ignoreUndefined: true,
      serverSelectionTimeoutMS: ANSWER_LIMIT_MS,
      connectTimeoutMS: ANSWER_LIMIT_MS,
      waitQueueTimeoutMS: ANSWER_LIMIT_MS,
      socketTimeoutMS: SILENCE_LIMIT_MS,
      autoIndex: false,
      autoCreate: false,
      bufferCommands: false,
    });
    refuseUnlessPrimary(await database(connection).command({ hello: 1 }), uri);
    return connection;
  } catch (error) {
    await connection.close().catch(() => undefined);
    throw startError(error, uri);
  }
}

export function database(connection: Connection): mongo.Db {
  if (connection.db === undefined) throw new MongoStartError('MongoDB is not connected');
  return connection.db;
}

/** Transactions need a replica set, and their writes its primary. */
function refuseUnlessPrimary(hello: object, uri: string): void {
  if (typeof Reflect.get(hello, 'setName') !== 'string') {
    throw new MongoStartError(
      `MongoDB at ${addressOf(uri)} is not part of a replica set; start it with --replSet and run rs.initiate(), one node is enough`,
    );
  }
  if (Reflect.get(hello, 'isWritablePrimary') !== true) {
    throw new MongoStartError(
      `MongoDB at ${addressOf(uri)} is not the primary of its replica set; leave directConnection out of MONGODB_URI`,
    );
  }
}

/** The parser's own errors quote the whole address. */
function requireValid(uri: string): mongo.MongoClient {
  try {
    return new mongo.MongoClient(uri);
  } catch {
    throw new MongoStartError('MONGODB_URI is not a valid MongoDB connection string');
  }
}

function startError(error: unknown, uri: string): MongoStartError {
  if (error instanceof MongoStartError) return error;
  if (error instanceof mongo.MongoServerError) {
    const what = CREDENTIAL_CODES.has(Number(error.code))
      ? 'refused the user name or password in MONGODB_URI'
      : `refused the connection with error ${String(error.code)}`;
    return new MongoStartError(`MongoDB at ${addressOf(uri)} ${what}`);
  }
  const seconds = (ANSWER_LIMIT_MS / SECOND_MS).toString();
  return new MongoStartError(
    `MongoDB at ${addressOf(uri)} cannot be reached: no primary of the replica set answered within ${seconds} seconds`,
  );
}

/** Unauthorized and AuthenticationFailed. */
const CREDENTIAL_CODES: ReadonlySet<number> = new Set([13, 18]);

/** The hosts alone: user name, password and options stay out of every message. */
function addressOf(uri: string): string {
  return /^mongodb(?:\+srv)?:\/\/(?:[^/?]*@)?([^/?@]+)/.exec(uri)?.[1] ?? 'MONGODB_URI';
}

function namesDatabase(uri: string): boolean {
  return /^mongodb(?:\+srv)?:\/\/[^/?]+\/[^?]/.test(uri);
}
