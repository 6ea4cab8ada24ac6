import type { mongo } from 'mongoose';
import type { Claimed, DeliveryStore, LeasedDelivery } from '../../callbacks/delivery-store.js';
import { randomId } from '../../lib/ids.js';
import { type DeliveryRow, toDelivery } from './delivery-rows.js';
import { number, text } from './fields.js';
import type { Scope } from './scope.js';

type Claim = Parameters<DeliveryStore['claim']>[0];
type Filter = mongo.Filter<DeliveryRow>;

/** How often a claim looks again after other workers took all that it saw. */
const CLAIM_ROUNDS = 5;

const EARLIEST_FIRST = { claimableAtMs: 1, _id: 1 } as const;

/** See {@link DeliveryStore.claim}. */
export async function claimDeliveries(scope: Scope, claim: Claim): Promise<Claimed> {
  const leaseId = randomId();
  const leased = await scope.call(async (isRepetition) => {
    const before = isRepetition ? await held(scope, leaseId) : [];
    return before.length > 0 ? before : await lease(scope, claim, leaseId);
  });
  const nextAtMs = await scope.call(() => earliest(scope, claim));
  return { leased, ...(nextAtMs !== undefined && { nextAtMs }) };
}

async function lease(
  scope: Scope,
  claim: Claim,
  leaseId: string,
): Promise<readonly LeasedDelivery[]> {
  const { options } = scope;
  const collection = scope.collections.deliveries;
  const free = claimable(claim);
  const page = { ...options, sort: EARLIEST_FIRST, limit: claim.limit } as const;
  const named = { ...page, projection: { sessionId: 1, eventType: 1 } };
  const taken = { $set: { leaseId, claimableAtMs: claim.leaseUntilMs } };
  for (let round = 0; round < CLAIM_ROUNDS; round++) {
    const seen = await collection.find(free, named).toArray();
    if (seen.length === 0) return [];
    const ids = await withoutOvertaken(scope, { free, nowMs: claim.nowMs, seen });
    await collection.updateMany({ ...free, _id: { $in: ids } }, taken, options);
    const claimed = await held(scope, leaseId);
    if (claimed.length > 0) return claimed;
  }
  return [];
}

function claimable({ destination, nowMs, expedited }: Claim): Filter {
  const { tenantId, origin } = destination;
  return {
    state: 'pending',
    tenantId,
    origin,
    $or: [
      { claimableAtMs: { $lte: nowMs } },
      ...(expedited.length > 0
        ? [{ _id: { $in: [...expedited] }, leaseId: { $exists: false } }]
        : []),
    ],
  };
}

/** Ends the events whose session has ended; returns the ids of the rest. */
async function withoutOvertaken(
  scope: Scope,
  { free, nowMs, seen }: { free: Filter; nowMs: number; seen: readonly object[] },
): Promise<string[]> {
  const { options } = scope;
  const collection = scope.collections.deliveries;
  const events = seen.filter((row) => text(row, 'eventType') === 'session.started');
  if (events.length === 0) return seen.map((row) => text(row, '_id'));
  const ofEvents = { $in: events.map((row) => text(row, 'sessionId')) };
  const last: Filter = { sessionId: ofEvents, eventType: 'session.ended' };
  const named = { ...options, projection: { sessionId: 1 } };
  const ended = (await collection.find(last, named).toArray()).map((row) => text(row, 'sessionId'));
  const isOvertaken = (row: object): boolean =>
    text(row, 'eventType') === 'session.started' && ended.includes(text(row, 'sessionId'));
  const overtaken = { $in: seen.filter(isOvertaken).map((row) => text(row, '_id')) };
  const end = { $set: { state: 'superseded', endedAtMs: nowMs } } as const;
  await collection.updateMany({ ...free, _id: overtaken }, end, options);
  return seen.filter((row) => !isOvertaken(row)).map((row) => text(row, '_id'));
}

async function held(scope: Scope, leaseId: string): Promise<readonly LeasedDelivery[]> {
  const sorted = { ...scope.options, sort: { dueAtMs: 1, _id: 1 } } as const;
  const rows = await scope.collections.deliveries.find({ leaseId }, sorted).toArray();
  return rows.map((row) => ({ delivery: toDelivery(row), leaseId }));
}

async function earliest(scope: Scope, { destination }: Claim): Promise<number | undefined> {
  const { tenantId, origin } = destination;
  const which: Filter = { state: 'pending', tenantId, origin };
  const first = { ...scope.options, sort: EARLIEST_FIRST, projection: { claimableAtMs: 1 } };
  const row = await scope.collections.deliveries.findOne(which, first);
  return row === null ? undefined : number(row, 'claimableAtMs');
}
