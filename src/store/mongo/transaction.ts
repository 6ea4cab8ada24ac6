import type { Connection, mongo } from 'mongoose';
import type { Collections } from './collections.js';
import { DURABLE } from './durability.js';
import { isUndone } from './failures.js';
import { createPatience, type Patience } from './patience.js';
import type { Scope } from './scope.js';

interface Deps {
  readonly connection: Connection;
  readonly collections: Collections;
}

type Work<T> = (scope: Scope) => Promise<T>;

/**
 * Runs the work in a transaction and commits it, again after every failure that may pass. The
 * protocol is that of the driver's `withTransaction`, with two differences: it ends within seconds,
 * and a commit that failed in whatever way is sent again until the server says what became of it,
 * because only that tells a commit whose reply was lost from one that never happened.
 */
export async function transaction<T>(deps: Deps, work: Work<T>): Promise<T> {
  // One session for all attempts: beginning anew ends what an unheard abort left open on the server.
  const session = deps.connection.getClient().startSession();
  try {
    return await repeatIn({ session, collections: deps.collections }, work);
  } finally {
    await session.endSession();
  }
}

interface Attempts {
  readonly session: mongo.ClientSession;
  readonly collections: Collections;
}

async function repeatIn<T>(attempts: Attempts, work: Work<T>): Promise<T> {
  const { session } = attempts;
  const patience = createPatience();
  for (;;) {
    try {
      session.startTransaction(DURABLE);
      const result = await run(attempts, work);
      await commit(session, patience);
      return result;
    } catch (error) {
      if (session.inTransaction()) await session.abortTransaction();
      await patience.pause(error);
    }
  }
}

/** A failed command has ended the transaction on the server, whatever the work made of the error. */
async function run<T>({ session, collections }: Attempts, work: Work<T>): Promise<T> {
  const failures: unknown[] = [];
  let last: Promise<unknown> = Promise.resolve();
  let isOver = false;
  const scope: Scope = {
    collections,
    options: { session },
    isTransaction: true,
    call(attempt) {
      // A session carries one command at a time.
      const next = last.then(async () => {
        if (isOver) throw new Error('A store of a transaction was used after the transaction.');
        if (failures.length > 0) throw failures[0];
        return await attempt(false);
      });
      last = next.catch((error: unknown) => failures.push(error));
      return next;
    },
    atomically: (inner) => inner(scope),
  };
  const [outcome] = await Promise.allSettled([work(scope)]);
  await last;
  isOver = true;
  if (failures.length > 0) throw failures[0];
  if (outcome.status === 'rejected') throw outcome.reason;
  return outcome.value;
}

async function commit(session: mongo.ClientSession, patience: Patience): Promise<void> {
  for (;;) {
    try {
      await session.commitTransaction();
      return;
    } catch (error) {
      if (isUndone(error)) throw error;
      await patience.pause(error);
    }
  }
}
