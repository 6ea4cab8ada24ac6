import type { Sql } from './connection.js';
import { asServiceFailure } from './failures.js';
import type { WriteQueue } from './write-queue.js';

/** What the stores run their statements on: the open database, or one transaction. */
export interface Runner {
  read<T>(query: (sql: Sql) => T): Promise<T>;
  write<T>(change: (sql: Sql) => T): Promise<T>;
}

/** Outside a transaction: reads see what is committed, each write is a transaction of its own. */
export function directRunner(on: { reader: Sql; writer: Sql; queue: WriteQueue }): Runner {
  return {
    read: async (query) => {
      try {
        return query(on.reader);
      } catch (error) {
        throw asServiceFailure(error);
      }
    },
    write: (change) => on.queue.run({ run: async () => change(on.writer) }),
  };
}

/** A transaction's runner and its end, after which it refuses to run anything. */
export interface TransactionRunner extends Runner {
  /** Throws what a statement threw, in case the work went on regardless. */
  readonly end: () => void;
}

/** Inside a transaction reads see its own writes, and every promise is settled when it is returned. */
export function transactionRunner(sql: Sql): TransactionRunner {
  let isOver = false;
  let failure: { readonly error: unknown } | undefined;

  async function run<T>(work: (sql: Sql) => T): Promise<T> {
    if (isOver) throw new Error('A store of a transaction was used after the transaction.');
    if (failure !== undefined) throw failure.error;
    try {
      return work(sql);
    } catch (error) {
      failure = { error: asServiceFailure(error) };
      throw failure.error;
    }
  }

  return {
    read: run,
    write: run,
    end: () => {
      isOver = true;
      if (failure !== undefined) throw failure.error;
    },
  };
}
