import { mongo } from 'mongoose';
import { ServiceError } from '../../errors/service-error.js';

const DUPLICATE_KEY = 11_000;
const WRITE_CONFLICT = 112;
const RETRY_AFTER_SECONDS = 5;

/** Labels by which server and driver say that the same call may succeed in a moment. */
const PASSING_LABELS = [
  'TransientTransactionError',
  'RetryableWriteError',
  'UnknownTransactionCommitResult',
];

/** A compare-and-set that met another writer and has to begin with a fresh read. */
export class LostRace extends Error {
  override readonly name = 'LostRace';
}

export function isDuplicateKey(error: unknown): boolean {
  return error instanceof mongo.MongoError && error.code === DUPLICATE_KEY;
}

/** The server knows nothing of the transaction: whatever it wrote is undone. */
export function isUndone(error: unknown): boolean {
  return error instanceof mongo.MongoError && error.hasErrorLabel('TransientTransactionError');
}

/**
 * Whether trying again can help: a conflict, a duplicate key (the next read shows whose it is), a
 * lost connection, or what a label calls passing.
 */
export function isPassing(error: unknown): boolean {
  if (error instanceof LostRace) return true;
  if (!(error instanceof mongo.MongoError)) return false;
  return (
    error.code === WRITE_CONFLICT ||
    error.code === DUPLICATE_KEY ||
    error instanceof mongo.MongoNetworkError ||
    error instanceof mongo.MongoServerSelectionError ||
    PASSING_LABELS.some((label) => error.hasErrorLabel(label))
  );
}

/** What the caller of a store gets: UNAVAILABLE for whatever the database did, else the error itself. */
export function asServiceFailure(error: unknown): unknown {
  if (!(error instanceof mongo.MongoError || error instanceof LostRace)) return error;
  return new ServiceError('UNAVAILABLE', {
    detail: `MongoDB: ${error.name}`,
    retryAfterSeconds: RETRY_AFTER_SECONDS,
    cause: error,
  });
}
