import type { Connection } from './connection.js';
import { TABLES } from './tables.js';

/** Raised with every change of the tables; `user_version` of the file says what it holds. */
const SCHEMA_VERSION = 4;

/** A database that this release cannot use; the message says why in one sentence. */
export class SchemaError extends Error {
  override readonly name = 'SchemaError';
}

/** Makes the tables in an empty file; throws {@link SchemaError} for a file of another release. */
export function prepareSchema(connection: Connection): void {
  // Two processes may open a new file at once: the second finds the work done.
  connection.run('BEGIN IMMEDIATE');
  try {
    const version = Number(connection.pragma('user_version'));
    if (version > 0 && version < SCHEMA_VERSION) {
      throw new SchemaError(
        'the database was made by an early release of Lethe, which this one cannot read; ' +
          'start it with an empty DATA_DIR and let people enrol again',
      );
    }
    if (version > SCHEMA_VERSION) {
      throw new SchemaError(
        `the database has schema version ${version.toString()}, but this release of Lethe reads only ` +
          `up to ${SCHEMA_VERSION.toString()}; start the release that wrote it, or a newer one`,
      );
    }
    if (version === 0) {
      connection.execute(TABLES);
      connection.execute(`PRAGMA user_version = ${SCHEMA_VERSION.toString()}`);
    }
    connection.run('COMMIT');
  } catch (error) {
    if (connection.isInTransaction) connection.run('ROLLBACK');
    throw error;
  }
}
