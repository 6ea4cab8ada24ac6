import type { mongo } from 'mongoose';
import { randomId } from '../../lib/ids.js';
import type { IdempotencyStart, IdempotencyStore } from '../../sessions/idempotency-store.js';
import { LostRace } from './failures.js';
import { number, optional, text } from './fields.js';
import { type IdempotencyRow, toAnswer } from './idempotency-rows.js';
import { removeSome } from './once.js';
import { removableAt } from './schema.js';
import type { Scope } from './scope.js';

export function idempotencyStore(scope: Scope): IdempotencyStore {
  const { options } = scope;
  const collection = scope.collections.idempotencyKeys;

  /** Puts the row in the place of nothing or of the one that was seen there, and of no other. */
  async function take(
    row: IdempotencyRow,
    seen: mongo.WithId<IdempotencyRow> | null,
  ): Promise<void> {
    if (seen === null) {
      await collection.insertOne({ ...row }, options);
      return;
    }
    const { _id, writeId, validUntilMs } = seen;
    const result = await collection.replaceOne({ _id, writeId, validUntilMs }, row, options);
    if (result.matchedCount === 0) throw new LostRace();
  }

  return {
    start({ scope: name, key, fingerprint, nowMs, leaseUntilMs }) {
      const row: IdempotencyRow = {
        writeId: randomId(),
        scope: name,
        key,
        fingerprint,
        validUntilMs: leaseUntilMs,
        removableAt: removableAt(leaseUntilMs),
      };
      return scope.call(async () => {
        const seen = await collection.findOne({ scope: name, key }, options);
        if (seen?.writeId === row.writeId) return { outcome: 'started' };
        if (seen !== null && number(seen, 'validUntilMs') > nowMs) return told(seen, fingerprint);
        await take(row, seen);
        return { outcome: 'started' };
      });
    },
    async finish({ scope: name, key, answer, expiresAtMs }) {
      const unfinished = { scope: name, key, answer: { $exists: false } };
      const times = { validUntilMs: expiresAtMs, removableAt: removableAt(expiresAtMs) };
      const finished = { $set: { answer, ...times } };
      await scope.call(() => collection.updateOne(unfinished, finished, options));
    },
    async abandon({ scope: name, key }) {
      const unfinished = { scope: name, key, answer: { $exists: false } };
      await scope.call(() => collection.deleteOne(unfinished, options));
    },
    removeExpired: (nowMs, limit) =>
      removeSome(scope, { collection, which: { validUntilMs: { $lte: nowMs } }, limit }),
  };
}

/** What the first use of a key means for the next one. */
function told(row: object, fingerprint: string): IdempotencyStart {
  if (text(row, 'fingerprint') !== fingerprint) return { outcome: 'mismatch' };
  const { answer } = optional(toAnswer, row, 'answer');
  return answer === undefined ? { outcome: 'in-flight' } : { outcome: 'finished', answer };
}
