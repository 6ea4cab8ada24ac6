import type { Connection } from 'mongoose';
import { ServiceError } from '../../errors/service-error.js';
import type { Store, Stores } from '../../operations/unit-of-work.js';
import { accessStore } from './access.js';
import { bucketKeyStore } from './bucket-keys.js';
import type { Collections } from './collections.js';
import { connect, database } from './connection.js';
import { deliveryStore } from './deliveries.js';
import { destinationStore } from './destinations.js';
import { erasureStore } from './erasures.js';
import { asServiceFailure } from './failures.js';
import { idempotencyStore } from './idempotency.js';
import { openCollections } from './indexes.js';
import { installationStore } from './installation.js';
import { treeStores } from './key-trees.js';
import { logStore } from './log.js';
import { logKeyStore } from './log-keys.js';
import { repeat } from './patience.js';
import { pendingEntryStore } from './pending-entries.js';
import { reflectedRootStore } from './reflected-roots.js';
import { reviewStore } from './reviews.js';
import type { Scope } from './scope.js';
import { sessionStore } from './sessions.js';
import { subjectStore } from './subjects.js';
import { transaction } from './transaction.js';

/**
 * Opens the database that the URI names and makes what it lacks. Any number of processes may do so
 * at once. Throws a MongoStartError with one sentence when it cannot serve.
 */
export async function openMongoStore({ uri }: { readonly uri: string }): Promise<Store> {
  const connection = await connect(uri);
  try {
    return createStore(connection, await openCollections(connection));
  } catch (error) {
    await connection.close();
    throw error;
  }
}

function createStore(connection: Connection, collections: Collections): Store {
  const calls = createCallGate();
  const direct: Scope = {
    collections,
    options: {},
    isTransaction: false,
    call: (attempt) => calls.pass(() => repeat(attempt)),
    atomically: (work) => calls.pass(() => transaction({ connection, collections }, work)),
  };
  return {
    ...createStores(direct),
    transaction: (work) => direct.atomically((scope) => work(createStores(scope))),
    trees: treeStores(direct),
    reflectedRoots: reflectedRootStore(direct),
    log: logStore(direct),
    installation: installationStore(direct),
    ping: () => calls.pass(() => ping(connection)),
    async close() {
      await calls.shut();
      await connection.close();
    },
  };
}

function createStores(scope: Scope): Stores {
  return {
    access: accessStore(scope),
    sessions: sessionStore(scope),
    idempotency: idempotencyStore(scope),
    subjects: subjectStore(scope),
    erasures: erasureStore(scope),
    deliveries: deliveryStore(scope),
    destinations: destinationStore(scope),
    audit: pendingEntryStore(scope),
    logKeys: logKeyStore(scope),
    reviews: reviewStore(scope),
    bucketKeys: bucketKeyStore(scope),
  };
}

async function ping(connection: Connection): Promise<void> {
  try {
    await database(connection).command({ ping: 1 });
  } catch (error) {
    throw asServiceFailure(error);
  }
}

interface CallGate {
  pass<T>(call: () => Promise<T>): Promise<T>;
  /** Lets no more calls in and waits for those under way. */
  shut(): Promise<void>;
}

function createCallGate(): CallGate {
  const underWay = new Set<Promise<unknown>>();
  let isOpen = true;
  return {
    async pass(call) {
      if (!isOpen) throw new ServiceError('UNAVAILABLE', { detail: 'the store is closed' });
      const running = call();
      underWay.add(running);
      try {
        return await running;
      } finally {
        underWay.delete(running);
      }
    },
    async shut() {
      isOpen = false;
      await Promise.allSettled(underWay);
    },
  };
}
