import type { Delivery, DeliveryStore, LeasedDelivery } from '../../callbacks/delivery-store.js';
import { randomId } from '../../lib/ids.js';
import type { Sql } from './connection.js';
import { insertInto } from './insert.js';
import type { Runner } from './runner.js';

type DeliveryRow = Delivery & { readonly leaseId?: string; readonly leaseUntilMs?: number };
type Candidate = Pick<Delivery, 'deliveryId' | 'dueAtMs'>;
type Claim = Parameters<DeliveryStore['claimDue']>[0];

const INSERT = insertInto<Delivery>(
  'deliveries',
  {
    deliveryId: true,
    tenantId: true,
    sessionId: true,
    erasureId: true,
    eventType: true,
    destination: true,
    sealedCallback: true,
    sealedBody: true,
    state: true,
    attempts: true,
    createdAtMs: true,
    dueAtMs: true,
    firstAttemptedAtMs: true,
    lastOutcome: true,
    endedAtMs: true,
  },
  'ON CONFLICT DO NOTHING',
);
const FIND_BY_SESSION = 'SELECT * FROM deliveries WHERE sessionId = ?';

// Free and leased deliveries have an index each, so that neither a claim nor the next due time has
// to pass over the rows that other workers hold.
const DUE_FREE = `
  SELECT deliveryId, dueAtMs FROM deliveries
  WHERE state = 'pending' AND leaseId IS NULL AND dueAtMs <= ? ORDER BY dueAtMs LIMIT ?`;
const DUE_AGAIN = `
  SELECT deliveryId, dueAtMs FROM deliveries
  WHERE state = 'pending' AND leaseId IS NOT NULL AND leaseUntilMs <= ? AND dueAtMs <= ?`;
const EXPEDITED = `
  SELECT deliveryId, dueAtMs FROM deliveries
  WHERE deliveryId = ? AND state = 'pending' AND (leaseId IS NULL OR leaseUntilMs <= ?)`;
const LEASE = `
  UPDATE deliveries SET leaseId = ?, leaseUntilMs = ? WHERE deliveryId = ? RETURNING *`;
const FINISH_ATTEMPT = `
  UPDATE deliveries SET state = ?, attempts = attempts + 1, lastOutcome = ?, endedAtMs = ?,
    firstAttemptedAtMs = coalesce(firstAttemptedAtMs, ?), dueAtMs = coalesce(?, dueAtMs),
    leaseId = NULL, leaseUntilMs = NULL
  WHERE deliveryId = ? AND leaseId = ?`;
const NEXT_FREE = `
  SELECT min(dueAtMs) AS atMs FROM deliveries WHERE state = 'pending' AND leaseId IS NULL`;
const NEXT_LEASED = `
  SELECT min(max(dueAtMs, leaseUntilMs)) AS atMs FROM deliveries
  WHERE state = 'pending' AND leaseId IS NOT NULL`;
const RELEASE_LEASES = `
  UPDATE deliveries SET leaseId = NULL, leaseUntilMs = NULL
  WHERE state = 'pending' AND leaseId IS NOT NULL`;
const REMOVE_OF_SESSION = 'DELETE FROM deliveries WHERE sessionId = ?';
const REMOVE_ENDED = `
  DELETE FROM deliveries WHERE rowid IN (
    SELECT rowid FROM deliveries WHERE endedAtMs < ? ORDER BY endedAtMs LIMIT ?)`;

export function deliveryStore(runner: Runner): DeliveryStore {
  return {
    insert: (delivery) =>
      runner.write((sql) => {
        sql.run(INSERT.text, ...INSERT.values(delivery));
      }),
    findBySession: (sessionId) =>
      runner.read((sql) => {
        const row = sql.get<DeliveryRow>(FIND_BY_SESSION, sessionId);
        return row && toDelivery(row);
      }),
    claimDue: (claim) =>
      runner.write((sql) => {
        const leaseId = randomId();
        return claimable(sql, claim).flatMap(({ deliveryId }): LeasedDelivery[] => {
          const row = sql.get<DeliveryRow>(LEASE, leaseId, claim.leaseUntilMs, deliveryId);
          return row === undefined ? [] : [{ delivery: toDelivery(row), leaseId }];
        });
      }),
    finishAttempt: ({ delivery, leaseId }, { attemptedAtMs, outcome, next }) =>
      runner.write((sql) => {
        const { deliveryId } = delivery;
        const endedAtMs = next.state === 'pending' ? null : attemptedAtMs;
        const dueAtMs = next.state === 'pending' ? next.dueAtMs : null;
        const attempt = [next.state, outcome, endedAtMs, attemptedAtMs, dueAtMs];
        return sql.run(FINISH_ATTEMPT, ...attempt, deliveryId, leaseId) === 1;
      }),
    releaseLeases: () =>
      runner.write((sql) => {
        sql.run(RELEASE_LEASES);
      }),
    nextDueAtMs: () =>
      runner.read((sql) => {
        const next = [NEXT_FREE, NEXT_LEASED].flatMap(
          (query) => sql.get<{ atMs?: number }>(query)?.atMs ?? [],
        );
        return next.length === 0 ? undefined : Math.min(...next);
      }),
    removeOfSessions: (sessionIds) =>
      runner.write((sql) =>
        sessionIds.reduce((count, sessionId) => count + sql.run(REMOVE_OF_SESSION, sessionId), 0),
      ),
    removeEndedBefore: (beforeMs, limit) =>
      runner.write((sql) => sql.run(REMOVE_ENDED, beforeMs, limit)),
  };
}

function claimable(sql: Sql, { nowMs, limit, expedited }: Claim): readonly Candidate[] {
  const candidates = [
    ...sql.all<Candidate>(DUE_FREE, nowMs, limit),
    ...sql.all<Candidate>(DUE_AGAIN, nowMs, nowMs),
    ...expedited.flatMap((deliveryId) => sql.get<Candidate>(EXPEDITED, deliveryId, nowMs) ?? []),
  ];
  const byId = new Map(candidates.map((candidate) => [candidate.deliveryId, candidate]));
  return [...byId.values()].sort((a, b) => a.dueAtMs - b.dueAtMs).slice(0, limit);
}

function toDelivery({ leaseId, leaseUntilMs, ...delivery }: DeliveryRow): Delivery {
  return delivery;
}
