import Database from 'better-sqlite3';
import { unavailable } from './failures.js';

/** How long a call waits for another process, such as the command line, to finish its write. */
const BUSY_TIMEOUT_MS = 2_000;

export type SqlValue = string | number | Uint8Array | null | undefined;

/** Statements on one open database, each prepared once. */
export interface Sql {
  /** Runs a statement; returns how many rows it changed. */
  run(text: string, ...values: readonly SqlValue[]): number;
  /** The first row, without its nulls. `Row` names the columns that the statement selects. */
  get<Row>(text: string, ...values: readonly SqlValue[]): Row | undefined;
  all<Row>(text: string, ...values: readonly SqlValue[]): Row[];
}

/** An open database file. */
export class Connection implements Sql {
  readonly #database: Database.Database;
  readonly #statements = new Map<string, Database.Statement>();
  readonly #queries = new Map<string, Query>();
  #isClosed = false;

  constructor(path: string, options: { isReadOnly: boolean }) {
    this.#database = new Database(path, {
      readonly: options.isReadOnly,
      fileMustExist: true,
      timeout: BUSY_TIMEOUT_MS,
    });
    try {
      this.#database.pragma('cache_size = -32000');
      if (!options.isReadOnly) this.#configure();
    } catch (error) {
      this.#database.close();
      throw error;
    }
  }

  get isInTransaction(): boolean {
    return this.#database.inTransaction;
  }

  run(text: string, ...values: readonly SqlValue[]): number {
    return this.#prepare(text).run(values).changes;
  }

  get<Row>(text: string, ...values: readonly SqlValue[]): Row | undefined {
    const { statement, columns } = this.#prepareQuery(text);
    const row = statement.get(values);
    return row === undefined ? undefined : toRow(columns, row);
  }

  all<Row>(text: string, ...values: readonly SqlValue[]): Row[] {
    const { statement, columns } = this.#prepareQuery(text);
    return statement.all(values).map((row) => toRow(columns, row));
  }

  /** Runs a script of statements that return nothing. */
  execute(script: string): void {
    this.#database.exec(script);
  }

  pragma(name: string): unknown {
    return this.#database.pragma(name, { simple: true });
  }

  close(): void {
    this.#isClosed = true;
    this.#database.close();
  }

  /**
   * A commit is on the disk before it is acknowledged; what is deleted is overwritten. Savepoints
   * keep their undo pages in memory, and the log of the writes grows to 16 MB before its pages move
   * into the database: both save most of the disk traffic of small jobs.
   */
  #configure(): void {
    this.#database.pragma('journal_mode = WAL');
    this.#database.pragma('synchronous = FULL');
    this.#database.pragma('secure_delete = ON');
    this.#database.pragma('foreign_keys = ON');
    this.#database.pragma('temp_store = MEMORY');
    this.#database.pragma('wal_autocheckpoint = 4000');
  }

  #prepare(text: string): Database.Statement {
    if (this.#isClosed) throw unavailable(new Error('the store is closed'));
    let statement = this.#statements.get(text);
    if (statement === undefined) {
      statement = this.#database.prepare(text);
      this.#statements.set(text, statement);
    }
    return statement;
  }

  #prepareQuery(text: string): Query {
    if (this.#isClosed) throw unavailable(new Error('the store is closed'));
    let query = this.#queries.get(text);
    if (query === undefined) {
      const statement = this.#database.prepare<[readonly SqlValue[]], SqlValue[]>(text).raw();
      query = { statement, columns: statement.columns().map(({ name }) => name) };
      this.#queries.set(text, query);
    }
    return query;
  }
}

/** A statement that returns rows, as lists: making its own objects costs the library more than toRow. */
interface Query {
  readonly statement: Database.Statement<[readonly SqlValue[]], SqlValue[]>;
  readonly columns: readonly string[];
}

/** The domain knows no nulls: what is not there is left out. */
function toRow<Row>(columns: readonly string[], values: readonly SqlValue[]): Row {
  const row: Record<string, SqlValue> = {};
  for (const [index, name] of columns.entries()) {
    if (values[index] !== null) row[name] = values[index];
  }
  return row as Row;
}
