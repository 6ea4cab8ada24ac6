import type { AttemptRecord, Delivery, DeliveryStore } from '../../callbacks/delivery-store.js';
import type { SqlValue } from './connection.js';

/** A row; `claimableAtMs` is when it is due, or while it is leased the end of the lease. */
export type DeliveryRow = Omit<Delivery, 'attemptLog'> & {
  /** JSON. */
  readonly attemptLog: string;
  readonly claimableAtMs: number;
  readonly leaseId?: string;
};

export function fromDelivery(delivery: Delivery): DeliveryRow {
  const attemptLog = JSON.stringify(delivery.attemptLog);
  return { ...delivery, attemptLog, claimableAtMs: delivery.dueAtMs };
}

export function toDelivery({ attemptLog, claimableAtMs, leaseId, ...row }: DeliveryRow): Delivery {
  return { ...row, attemptLog: JSON.parse(attemptLog) as readonly AttemptRecord[] };
}

type Page = Parameters<DeliveryStore['list']>[0];

/** The statement that lists a page, with a condition for each member of the filter that is given. */
export function listing({ filter, beforeDeliveryId, limit }: Page): {
  readonly text: string;
  readonly values: readonly SqlValue[];
} {
  const conditions: readonly (readonly [string, SqlValue])[] = [
    // With `+` no index of the tenant is used: that of the session finds its few rows at once.
    [filter.sessionId === undefined ? 'tenantId = ?' : '+tenantId = ?', filter.tenantId],
    ['deliveryId < ?', beforeDeliveryId],
    ['state = ?', filter.state],
    ['sessionId = ?', filter.sessionId],
    ['origin = ?', filter.origin],
    ['createdAtMs >= ?', filter.fromMs],
    ['createdAtMs < ?', filter.untilMs],
  ];
  const given = conditions.filter(([, value]) => value !== undefined);
  const where = given.map(([condition]) => condition).join(' AND ');
  return {
    text: `SELECT * FROM deliveries WHERE ${where} ORDER BY deliveryId DESC LIMIT ?`,
    values: [...given.map(([, value]) => value), limit],
  };
}
