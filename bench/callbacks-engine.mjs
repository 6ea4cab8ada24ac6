// Store and worker as the service joins them (src/context.ts), on a store with nothing else in it. What
// the benchmarks know of the ports of src/callbacks is in this file.
import { randomBytes, randomUUID } from 'node:crypto';
import { sealCallback } from '../dist/callbacks/callback.js';
import { DeliveryWorker } from '../dist/callbacks/delivery-worker.js';
import { newDelivery, openBody } from '../dist/callbacks/outbox.js';
import { createSealer } from '../dist/crypto/sealer.js';
import { SecretBytes } from '../dist/crypto/secret-bytes.js';
import { SECOND_MS, systemClock } from '../dist/lib/clock.js';
import { createAddressPolicy } from '../dist/outbound/address-policy.js';
import { createWebhookSender } from '../dist/outbound/webhook-sender.js';
import { openMongoStore } from '../dist/store/mongo/open.js';
import { openSqliteStore } from '../dist/store/sqlite/open.js';
import { say } from '../scripts/process.mjs';
import { newTerms, signingKey } from './callbacks-messages.mjs';

const FILL_BATCH = 500;
const LEASE_MS = 30 * SECOND_MS;
/** As many as the worker claims at once. */
export const CLAIMED_AT_ONCE = 64;

const sealer = createSealer(SecretBytes.take(randomBytes(32)));
/** Seals as the service does, without its frame and its vault. */
const daySealer = {
  seal: (_atMs, { kind, id }, plaintext) => sealer.seal(plaintext, kind, id),
  open: async (sealed, { kind, id }) => sealer.open(sealed, kind, id),
};
const tenantId = randomUUID();

/** `at`: { dataDir } for SQLite, { uri } for MongoDB. */
export async function openStore(at) {
  return at.uri === undefined ? await openSqliteStore(at) : await openMongoStore(at);
}

/** A row that is due now. */
export function newRow(origin) {
  const nowMs = Date.now();
  const sessionId = randomUUID();
  const callback = { url: `${origin}/webhooks/lethe`, headers: { authorization: 'Bearer TOKEN' } };
  const session = {
    ...{ sessionId, tenantId, uuid: randomUUID(), spelledType: 'VERIFY', endedAtMs: nowMs },
    callbackOrigin: origin,
    sealedCallback: sealCallback(daySealer, { sessionId, callback, atMs: nowMs }),
  };
  const outcome = { session, status: 'SUCCESS', message: 'Success!', errors: [] };
  return newDelivery(daySealer, { outcome, nowMs, dueAtMs: nowMs });
}

/** Enqueues rows in transactions of many. */
export async function fill(store, { origins, rows }) {
  for (let done = 0; done < rows; done += FILL_BATCH) {
    const batch = Array.from({ length: Math.min(FILL_BATCH, rows - done) }, (_, at) =>
      newRow(origins[(done + at) % origins.length]),
    );
    await store.transaction(async ({ deliveries }) => {
      for (const row of batch) await deliveries.insert(row);
    });
  }
}

/** Leases what is due at a destination, up to so many. */
export async function claim(store, origin) {
  const nowMs = systemClock.nowMs();
  const leaseUntilMs = nowMs + LEASE_MS;
  const { leased } = await store.deliveries.claim({
    destination: { tenantId, origin },
    ...{ nowMs, leaseUntilMs },
    ...{ limit: CLAIMED_AT_ONCE, expedited: [] },
  });
  return leased;
}

/** Records that it was delivered. */
export async function finish(store, leased) {
  const attempt = { atMs: systemClock.nowMs(), durationMs: 1, outcome: '204' };
  const result = { attempt, attemptLog: [attempt], next: { state: 'delivered' } };
  if (!(await store.deliveries.finishAttempt(leased, result)))
    throw new Error('the lease had passed');
}

/** The worker of the service, with its sender. */
export function startWorker(store) {
  const loopback = { allowHttp: true, ports: [], privateCidrs: ['127.0.0.1/32'] };
  const sender = createWebhookSender(createAddressPolicy(loopback));
  const worker = new DeliveryWorker({
    ...{ sender, daySealer, signingKey, clock: systemClock },
    ...{ deliveries: store.deliveries, destinations: store.destinations },
    bodyOf: (delivery) => openBody(daySealer, delivery),
    termsOf: async () => newTerms(),
    schedule: { delaysMs: [0, 5 * SECOND_MS, 300 * SECOND_MS], random: Math.random },
    onAttempt: () => undefined,
    onDisabled: () => undefined,
    onError: (error) => say(`the worker failed: ${error.message}`),
  });
  worker.start();
  return {
    enqueue: async (rows) => {
      await store.transaction(async ({ deliveries }) => {
        for (const row of rows) await deliveries.insert(row);
      });
      for (const row of rows) worker.enqueued(row);
    },
    stop: async () => {
      await worker.stop(0);
      await sender.close();
    },
  };
}
