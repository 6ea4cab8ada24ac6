import type {
  AttemptResult,
  Delivery,
  DeliveryStore,
  LeasedDelivery,
} from '../../callbacks/delivery-store.js';
import type { Destination } from '../../callbacks/destination-store.js';
import { randomId } from '../../lib/ids.js';
import type { Sql } from './connection.js';
import { type DeliveryRow, fromDelivery, listing, toDelivery } from './delivery-rows.js';
import { insertInto } from './insert.js';
import type { Runner } from './runner.js';

type Claim = Parameters<DeliveryStore['claim']>[0];
type Queue = Destination & { readonly nextAtMs: number };

const INSERT = insertInto<DeliveryRow>(
  'deliveries',
  {
    deliveryId: true,
    tenantId: true,
    sessionId: true,
    erasureId: true,
    eventType: true,
    origin: true,
    sealedCallback: true,
    sealedBody: true,
    state: true,
    attempts: true,
    attemptLog: true,
    createdAtMs: true,
    dueAtMs: true,
    endedAtMs: true,
    claimableAtMs: true,
    leaseId: true,
  },
  'ON CONFLICT DO NOTHING',
);
const FIND = 'SELECT * FROM deliveries WHERE deliveryId = ?';
const FIND_EVENT = 'SELECT * FROM deliveries WHERE sessionId = ? AND eventType = ?';
const SUPERSEDE_FREE = `
  UPDATE deliveries SET state = 'superseded', endedAtMs = ?
  WHERE sessionId = ? AND state = 'pending' AND eventType <> 'session.ended'
    AND (leaseId IS NULL OR claimableAtMs <= ?)`;
const LEASED_EVENT = `
  SELECT max(claimableAtMs) AS untilMs FROM deliveries
  WHERE sessionId = ? AND state = 'pending' AND eventType <> 'session.ended'`;
// Two searches, because SQLite would answer `(tenantId, origin) > (?, ?)` by passing over every row of
// the destination before.
const NEXT_QUEUE_OF_TENANT = `
  SELECT tenantId, origin, claimableAtMs AS nextAtMs FROM deliveries
  WHERE state = 'pending' AND tenantId = ? AND origin > ?
  ORDER BY origin, claimableAtMs LIMIT 1`;
const NEXT_TENANT_QUEUE = `
  SELECT tenantId, origin, claimableAtMs AS nextAtMs FROM deliveries
  WHERE state = 'pending' AND tenantId > ?
  ORDER BY tenantId, origin, claimableAtMs LIMIT 1`;
const CLAIMABLE = `
  SELECT deliveryId, sessionId, eventType FROM deliveries
  WHERE state = 'pending' AND tenantId = ? AND origin = ? AND claimableAtMs <= ?
  ORDER BY claimableAtMs LIMIT ?`;
const EXPEDITED = `
  SELECT deliveryId, sessionId, eventType FROM deliveries
  WHERE deliveryId = ? AND state = 'pending' AND tenantId = ? AND origin = ?
    AND (leaseId IS NULL OR claimableAtMs <= ?)`;
const NEXT_AT = `
  SELECT min(claimableAtMs) AS atMs FROM deliveries
  WHERE state = 'pending' AND tenantId = ? AND origin = ?`;
const LEASE = `
  UPDATE deliveries SET leaseId = ?, claimableAtMs = ? WHERE deliveryId = ? RETURNING *`;
const FINISH_ATTEMPT = `
  UPDATE deliveries SET state = ?, attempts = ?, attemptLog = ?, endedAtMs = ?, dueAtMs = ?,
    claimableAtMs = ?, leaseId = NULL
  WHERE deliveryId = ? AND leaseId = ?`;
const FREE_LAST_EVENT = `
  UPDATE deliveries SET dueAtMs = ?, claimableAtMs = ?
  WHERE sessionId = ? AND eventType = 'session.ended' AND state = 'pending' AND leaseId IS NULL
    AND claimableAtMs > ?`;
const REPLAY_ENDED = `
  UPDATE deliveries SET state = 'pending', attempts = 0, endedAtMs = NULL, dueAtMs = ?,
    claimableAtMs = ?
  WHERE deliveryId = ? AND tenantId = ? AND state IN ('delivered', 'failed')`;
const MAKE_DUE = `
  UPDATE deliveries SET dueAtMs = ?, claimableAtMs = ?
  WHERE deliveryId = ? AND tenantId = ? AND state = 'pending' AND leaseId IS NULL AND dueAtMs > ?`;
const GIVE_BACK = `
  UPDATE deliveries SET leaseId = NULL, claimableAtMs = dueAtMs WHERE deliveryId = ? AND leaseId = ?`;
const RELEASE_LEASES = `
  UPDATE deliveries SET leaseId = NULL, claimableAtMs = dueAtMs
  WHERE state = 'pending' AND leaseId IS NOT NULL`;
const REMOVE_OF_SESSION = 'DELETE FROM deliveries WHERE sessionId = ?';
const REMOVE_CREATED = `
  DELETE FROM deliveries WHERE rowid IN (
    SELECT rowid FROM deliveries WHERE createdAtMs < ? ORDER BY createdAtMs LIMIT ?)`;

export function deliveryStore(runner: Runner): DeliveryStore {
  return {
    insert: (delivery) =>
      runner.write((sql) => {
        sql.run(INSERT.text, ...INSERT.values(fromDelivery(delivery)));
      }),
    supersede: ({ sessionId, nowMs }) =>
      runner.write((sql) => {
        sql.run(SUPERSEDE_FREE, nowMs, sessionId, nowMs);
        return sql.get<{ untilMs?: number }>(LEASED_EVENT, sessionId)?.untilMs;
      }),
    find: (deliveryId) => runner.read((sql) => found(sql.get<DeliveryRow>(FIND, deliveryId))),
    findBySession: (sessionId) => runner.read((sql) => findEvent(sql, sessionId, 'session.ended')),
    list: (page) =>
      runner.read((sql) => {
        const { text, values } = listing(page);
        return sql.all<DeliveryRow>(text, ...values).map(toDelivery);
      }),
    listQueues: () => runner.read(listQueues),
    claim: (claim) => runner.write((sql) => claimOf(sql, claim)),
    finishAttempt: (leased, result) => runner.write((sql) => finish(sql, leased, result)),
    replay: ({ tenantId, deliveryId, nowMs }) =>
      runner.write((sql) => {
        sql.run(REPLAY_ENDED, nowMs, nowMs, deliveryId, tenantId);
        sql.run(MAKE_DUE, nowMs, nowMs, deliveryId, tenantId, nowMs);
        const delivery = found(sql.get<DeliveryRow>(FIND, deliveryId));
        return delivery?.tenantId === tenantId && delivery.state === 'pending'
          ? delivery
          : undefined;
      }),
    giveBack: (leased) =>
      runner.write((sql) => {
        for (const { delivery, leaseId } of leased)
          sql.run(GIVE_BACK, delivery.deliveryId, leaseId);
      }),
    releaseLeases: () =>
      runner.write((sql) => {
        sql.run(RELEASE_LEASES);
      }),
    removeOfSessions: (sessionIds) =>
      runner.write((sql) =>
        sessionIds.reduce((count, sessionId) => count + sql.run(REMOVE_OF_SESSION, sessionId), 0),
      ),
    removeCreatedBefore: (beforeMs, limit) =>
      runner.write((sql) => sql.run(REMOVE_CREATED, beforeMs, limit)),
  };
}

function listQueues(sql: Sql): readonly Queue[] {
  const queues: Queue[] = [];
  for (;;) {
    const { tenantId = '', origin = '' } = queues.at(-1) ?? {};
    const next =
      sql.get<Queue>(NEXT_QUEUE_OF_TENANT, tenantId, origin) ??
      sql.get<Queue>(NEXT_TENANT_QUEUE, tenantId);
    if (next === undefined) return queues;
    queues.push(next);
  }
}

function claimOf(sql: Sql, claim: Claim): Awaited<ReturnType<DeliveryStore['claim']>> {
  const { tenantId, origin } = claim.destination;
  const leaseId = randomId();
  const leased = claimable(sql, claim).flatMap((candidate): LeasedDelivery[] => {
    const { deliveryId, sessionId } = candidate;
    if (isOvertaken(sql, candidate)) {
      sql.run(SUPERSEDE_FREE, claim.nowMs, sessionId, claim.nowMs);
      return [];
    }
    const row = sql.get<DeliveryRow>(LEASE, leaseId, claim.leaseUntilMs, deliveryId);
    return row === undefined ? [] : [{ delivery: toDelivery(row), leaseId }];
  });
  const nextAtMs = sql.get<{ atMs?: number }>(NEXT_AT, tenantId, origin)?.atMs;
  return { leased, ...(nextAtMs !== undefined && { nextAtMs }) };
}

type Candidate = Pick<Delivery, 'deliveryId' | 'sessionId' | 'eventType'>;

function claimable(sql: Sql, claim: Claim): readonly Candidate[] {
  const { nowMs, limit, expedited } = claim;
  const { tenantId, origin } = claim.destination;
  const candidates = [
    ...sql.all<Candidate>(CLAIMABLE, tenantId, origin, nowMs, limit),
    ...expedited.flatMap((id) => sql.get<Candidate>(EXPEDITED, id, tenantId, origin, nowMs) ?? []),
  ];
  const byId = new Map(candidates.map((candidate) => [candidate.deliveryId, candidate]));
  return [...byId.values()].slice(0, limit);
}

/** Whether the session of an event has ended. */
function isOvertaken(sql: Sql, { eventType, sessionId }: Omit<Candidate, 'deliveryId'>): boolean {
  if (eventType !== 'session.started') return false;
  return findEvent(sql, sessionId, 'session.ended') !== undefined;
}

function finish(sql: Sql, { delivery, leaseId }: LeasedDelivery, result: AttemptResult): boolean {
  const { deliveryId, sessionId } = delivery;
  const { atMs } = result.attempt;
  const isLast = isOvertaken(sql, delivery);
  const state =
    isLast && result.next.state === 'pending' ? ('superseded' as const) : result.next.state;
  const dueAtMs = result.next.state === 'pending' ? result.next.dueAtMs : delivery.dueAtMs;
  const changed = sql.run(
    FINISH_ATTEMPT,
    state,
    delivery.attempts + 1,
    JSON.stringify(result.attemptLog),
    state === 'pending' ? null : atMs,
    dueAtMs,
    dueAtMs,
    deliveryId,
    leaseId,
  );
  if (isLast) sql.run(FREE_LAST_EVENT, atMs, atMs, sessionId, atMs);
  return changed === 1;
}

function findEvent(
  sql: Sql,
  sessionId: string,
  eventType: Delivery['eventType'],
): Delivery | undefined {
  return found(sql.get<DeliveryRow>(FIND_EVENT, sessionId, eventType));
}

function found(row: DeliveryRow | undefined): Delivery | undefined {
  return row && toDelivery(row);
}
