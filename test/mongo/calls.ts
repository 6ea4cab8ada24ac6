import { afterFailure } from '../../src/callbacks/destination-health.js';
import type { DestinationStore } from '../../src/callbacks/destination-store.js';
import type { Store, Stores } from '../../src/operations/unit-of-work.js';
import * as sample from './samples.js';

type Given = (store: Store) => Promise<unknown>;

/** A call that changes the store, after what has to be there for it. */
export interface Call<S> {
  readonly given?: Given;
  readonly call: (stores: S) => Promise<unknown>;
}

const { tenant, client, session, subject, erasure, completion, delivery } = sample;
const { idempotencyUse: use, entry, review, bucketKey, logKey } = sample;
const ended = { state: 'SUCCESS', endedAtMs: session.createdAtMs + 50, uuid: 'uuid-1' } as const;
const later = session.expiresAtMs + 1_000;
const answer = { status: 200, sealedBody: Uint8Array.of(1) };
const start = {
  ...use,
  fingerprint: 'fingerprint',
  nowMs: session.createdAtMs,
  leaseUntilMs: session.createdAtMs + 10,
};
const failure = {
  ...sample.claim.destination,
  atMs: sample.claim.nowMs,
  outcome: '503',
  overload: { askedMs: 0, firstPauseMs: 10, longestPauseMs: 100 },
};
async function fail(destinations: DestinationStore, atMs: number = failure.atMs): Promise<unknown> {
  return await destinations.update(failure, (before) => afterFailure(before, { ...failure, atMs }));
}

const token = { clientId: 'client-1', tokenId: 'token-1', expiresAtMs: session.createdAtMs };

async function endedSession(store: Store): Promise<void> {
  await store.sessions.insert(session);
  await store.sessions.end(session.sessionId, ended);
}

async function endedDelivery(store: Store): Promise<void> {
  await store.deliveries.insert(delivery);
  for (const leased of (await store.deliveries.claim(sample.claim)).leased) {
    await store.deliveries.finishAttempt(leased, {
      attempt: { atMs: sample.claim.nowMs, durationMs: 3, outcome: '200' },
      attemptLog: [],
      next: { state: 'delivered' },
    });
  }
}

/** Every method of the ports of a unit of work that writes, by its name, and what it is called with. */
export const CALLS: Readonly<Record<string, Call<Stores>>> = {
  'access.insertTenant': { call: ({ access }) => access.insertTenant(tenant) },
  'access.insertTenant (taken)': {
    given: ({ access }) => access.insertTenant(tenant),
    call: ({ access }) => access.insertTenant({ ...tenant, displayName: 'Other' }),
  },
  'access.replaceTenant': {
    given: ({ access }) => access.insertTenant(tenant),
    call: ({ access }) => access.replaceTenant({ ...tenant, displayName: 'Other' }),
  },
  'access.insertClient': { call: ({ access }) => access.insertClient(client) },
  'access.insertClient (API key taken)': {
    given: ({ access }) => access.insertClient(client),
    call: ({ access }) => access.insertClient({ ...client, clientId: 'client-2' }),
  },
  'access.replaceClient': {
    given: ({ access }) => access.insertClient(client),
    call: ({ access }) => access.replaceClient({ ...client, secrets: [] }),
  },
  'access.useToken': { call: ({ access }) => access.useToken(token) },
  'access.useToken (used)': {
    given: ({ access }) => access.useToken(token),
    call: ({ access }) => access.useToken(token),
  },
  'access.removeExpiredTokens': {
    given: ({ access }) => access.useToken(token),
    call: ({ access }) => access.removeExpiredTokens(later, 5),
  },
  'sessions.insert': { call: ({ sessions }) => sessions.insert(session) },
  'sessions.markStarted': {
    given: ({ sessions }) => sessions.insert(session),
    call: ({ sessions }) => sessions.markStarted(session.sessionId),
  },
  'sessions.end': {
    given: ({ sessions }) => sessions.insert(session),
    call: ({ sessions }) => sessions.end(session.sessionId, ended),
  },
  'sessions.end (forgetting)': {
    given: ({ sessions }) => sessions.insert(session),
    call: ({ sessions }) => sessions.end(session.sessionId, { ...ended, uuid: null }),
  },
  'sessions.end (ended)': {
    given: endedSession,
    call: ({ sessions }) => sessions.end(session.sessionId, { ...ended, state: 'CANCELED' }),
  },
  'sessions.forgetSubject': {
    given: endedSession,
    call: ({ sessions }) => sessions.forgetSubject(subject),
  },
  'sessions.removeEndedBefore': {
    given: endedSession,
    call: ({ sessions }) => sessions.removeEndedBefore(later, 5),
  },
  'idempotency.start': { call: ({ idempotency }) => idempotency.start(start) },
  'idempotency.start (in flight)': {
    given: ({ idempotency }) => idempotency.start(start),
    call: ({ idempotency }) => idempotency.start(start),
  },
  'idempotency.start (lease over)': {
    given: ({ idempotency }) => idempotency.start(start),
    call: ({ idempotency }) =>
      idempotency.start({ ...start, nowMs: later, leaseUntilMs: later + 1 }),
  },
  'idempotency.finish': {
    given: ({ idempotency }) => idempotency.start(start),
    call: ({ idempotency }) => idempotency.finish({ ...use, answer, expiresAtMs: later }),
  },
  'idempotency.abandon': {
    given: ({ idempotency }) => idempotency.start(start),
    call: ({ idempotency }) => idempotency.abandon(use),
  },
  'idempotency.removeExpired': {
    given: ({ idempotency }) => idempotency.start(start),
    call: ({ idempotency }) => idempotency.removeExpired(later, 5),
  },
  'subjects.insert': { call: ({ subjects }) => subjects.insert(subject) },
  'subjects.insert (taken)': {
    given: ({ subjects }) => subjects.insert(subject),
    call: ({ subjects }) => subjects.insert(subject),
  },
  'subjects.beginErasure': {
    given: ({ subjects }) => subjects.insert(subject),
    call: ({ subjects }) => subjects.beginErasure(subject),
  },
  'subjects.remove': {
    given: ({ subjects }) => subjects.insert(subject),
    call: ({ subjects }) => subjects.remove(subject),
  },
  'erasures.start': { call: ({ erasures }) => erasures.start(erasure) },
  'erasures.complete': {
    given: ({ erasures }) => erasures.start(erasure),
    call: ({ erasures }) => erasures.complete(erasure.erasureId, completion),
  },
  'erasures.complete (completed)': {
    given: async ({ erasures }) => {
      await erasures.start(erasure);
      await erasures.complete(erasure.erasureId, completion);
    },
    call: ({ erasures }) =>
      erasures.complete(erasure.erasureId, { ...completion, completedAtMs: later + 1 }),
  },
  'erasures.removeOfBucket': {
    given: async ({ erasures }) => {
      await erasures.start(erasure);
      await erasures.complete(erasure.erasureId, completion);
    },
    call: ({ erasures }) => erasures.removeOfBucket(completion.receipt.bucket, 5),
  },
  'deliveries.insert': { call: ({ deliveries }) => deliveries.insert(delivery) },
  'deliveries.claim': {
    given: async ({ deliveries }) => {
      for (const number of [1, 2, 3]) {
        const id = number.toString();
        await deliveries.insert({ ...delivery, deliveryId: id, sessionId: id });
      }
    },
    call: async ({ deliveries }) => {
      const { leased, ...rest } = await deliveries.claim(sample.claim);
      return { ...rest, leased: leased.map((lease) => lease.delivery) };
    },
  },
  'deliveries.finishAttempt': {
    given: ({ deliveries }) => deliveries.insert(delivery),
    call: async ({ deliveries }) => {
      const [leased] = (await deliveries.claim(sample.claim)).leased;
      if (leased === undefined) return undefined;
      return await deliveries.finishAttempt(leased, {
        attempt: { atMs: sample.claim.nowMs, durationMs: 3, outcome: '503' },
        attemptLog: [],
        next: { state: 'pending', dueAtMs: later },
      });
    },
  },
  'deliveries.giveBack': {
    given: ({ deliveries }) => deliveries.insert(delivery),
    call: async ({ deliveries }) => {
      await deliveries.giveBack((await deliveries.claim(sample.claim)).leased);
    },
  },
  'deliveries.releaseLeases': {
    given: async ({ deliveries }) => {
      await deliveries.insert(delivery);
      await deliveries.claim(sample.claim);
    },
    call: ({ deliveries }) => deliveries.releaseLeases(),
  },
  'deliveries.removeOfSessions': {
    given: endedDelivery,
    call: ({ deliveries }) => deliveries.removeOfSessions([delivery.sessionId]),
  },
  'deliveries.removeCreatedBefore': {
    given: endedDelivery,
    call: ({ deliveries }) => deliveries.removeCreatedBefore(later, 5),
  },
  'deliveries.claim (an event whose session has ended)': {
    given: async ({ deliveries }) => {
      await deliveries.insert({
        ...delivery,
        deliveryId: 'delivery-0',
        eventType: 'session.started',
      });
      await deliveries.insert(delivery);
    },
    call: async ({ deliveries }) => {
      const { leased, ...rest } = await deliveries.claim(sample.claim);
      return { ...rest, leased: leased.map((lease) => lease.delivery) };
    },
  },
  'deliveries.finishAttempt (of an event whose session has ended)': {
    given: ({ deliveries }) => deliveries.insert({ ...delivery, eventType: 'session.started' }),
    call: async ({ deliveries }) => {
      const [leased] = (await deliveries.claim(sample.claim)).leased;
      if (leased === undefined) return undefined;
      await deliveries.insert({ ...delivery, deliveryId: 'delivery-2', dueAtMs: later });
      return await deliveries.finishAttempt(leased, {
        attempt: { atMs: sample.claim.nowMs, durationMs: 3, outcome: '503' },
        attemptLog: [],
        next: { state: 'pending', dueAtMs: later },
      });
    },
  },
  'deliveries.supersede': {
    given: ({ deliveries }) => deliveries.insert({ ...delivery, eventType: 'session.started' }),
    call: ({ deliveries }) =>
      deliveries.supersede({ sessionId: delivery.sessionId, nowMs: sample.claim.nowMs }),
  },
  'deliveries.supersede (while it is sent)': {
    given: async ({ deliveries }) => {
      await deliveries.insert({ ...delivery, eventType: 'session.started' });
      await deliveries.claim(sample.claim);
    },
    call: ({ deliveries }) =>
      deliveries.supersede({ sessionId: delivery.sessionId, nowMs: sample.claim.nowMs }),
  },
  'deliveries.replay': {
    given: endedDelivery,
    call: ({ deliveries }) => deliveries.replay({ ...delivery, nowMs: later }),
  },
  'deliveries.replay (pending)': {
    given: ({ deliveries }) => deliveries.insert({ ...delivery, dueAtMs: later }),
    call: ({ deliveries }) => deliveries.replay({ ...delivery, nowMs: sample.claim.nowMs }),
  },
  'destinations.update': { call: ({ destinations }) => fail(destinations) },
  'destinations.update (again)': {
    given: ({ destinations }) => fail(destinations),
    call: ({ destinations }) => fail(destinations, failure.atMs + 5),
  },
  'destinations.recordSuccess': {
    given: ({ destinations }) => fail(destinations),
    call: ({ destinations }) => destinations.recordSuccess(failure),
  },
  'destinations.disable': {
    given: ({ destinations }) => fail(destinations),
    call: ({ destinations }) =>
      destinations.disable({ ...sample.claim.destination, atMs: later, because: 'GONE' }),
  },
  'destinations.enable': {
    given: ({ destinations }) => fail(destinations),
    call: ({ destinations }) => destinations.enable(failure),
  },
  'destinations.removeQuietSince': {
    given: ({ destinations }) => fail(destinations),
    call: ({ destinations }) => destinations.removeQuietSince(later, 5),
  },
  'audit.append': { call: ({ audit }) => audit.append(entry(1)) },
  'audit.append (with a review record)': {
    call: ({ audit }) => audit.append({ ...entry(1), review: review(1) }),
  },
  'audit.append (again)': {
    given: ({ audit }) => audit.append({ ...entry(1), review: review(1) }),
    call: ({ audit }) => audit.append({ ...entry(1), review: { ...review(1), bucket: 'other' } }),
  },
  'logKeys.insert': { call: ({ logKeys }) => logKeys.insert(logKey) },
  'logKeys.insert (taken)': {
    given: ({ logKeys }) => logKeys.insert(logKey),
    call: ({ logKeys }) => logKeys.insert({ ...logKey, vkey: 'other' }),
  },
  'logKeys.retire': {
    given: ({ logKeys }) => logKeys.insert(logKey),
    call: ({ logKeys }) => logKeys.retire(logKey.generation, later),
  },
  'reviews.removeBucket': {
    given: async ({ audit }) => {
      for (const number of [1, 2, 3])
        await audit.append({ ...entry(number), review: review(number) });
    },
    call: ({ reviews }) => reviews.removeBucket(review(1).bucket, 2),
  },
  'bucketKeys.insert': { call: ({ bucketKeys }) => bucketKeys.insert(bucketKey) },
  'bucketKeys.insert (taken)': {
    given: ({ bucketKeys }) => bucketKeys.insert(bucketKey),
    call: ({ bucketKeys }) => bucketKeys.insert({ ...bucketKey, keyId: 'other' }),
  },
  'bucketKeys.remove': {
    given: ({ bucketKeys }) => bucketKeys.insert(bucketKey),
    call: ({ bucketKeys }) => bucketKeys.remove(bucketKey.bucket),
  },
};

/** The methods that change nothing. */
export const READS: readonly string[] = [
  'access.findTenant',
  'access.listTenants',
  'access.findClient',
  'access.findClientByApiKey',
  'access.listClients',
  'sessions.find',
  'sessions.findExpired',
  'sessions.findOpenOfSubject',
  'sessions.findOpenOfErasure',
  'subjects.find',
  'subjects.scan',
  'subjects.scanAll',
  'subjects.count',
  'erasures.find',
  'erasures.findLatest',
  'erasures.findUnfinished',
  'deliveries.findBySession',
  'deliveries.find',
  'deliveries.list',
  'deliveries.listQueues',
  'destinations.list',
  'reflectedRoots.list',
  'trees.rootIds',
  'trees.find',
  'trees.upperNodes',
  'trees.leavesWithRoom',
  'trees.trees',
  'trees.rootEpoch',
  'log.head',
  'log.findIndex',
  'log.findCheckpoint',
  'log.readSegments',
  'log.readNodes',
  'log.readCosignatures',
  'log.findLargestCosigned',
  'logKeys.list',
  'reviews.list',
  'bucketKeys.list',
  'installation.find',
  'ping',
  'close',
];
