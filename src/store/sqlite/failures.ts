import { ServiceError } from '../../errors/service-error.js';

const RETRY_AFTER_SECONDS = 1;

/** Result codes that tell of the disk or of another process, not of a mistake. */
const OUTSIDE_CAUSES =
  /^SQLITE_(BUSY|LOCKED|NOMEM|READONLY|INTERRUPT|IOERR|CORRUPT|FULL|CANTOPEN|PROTOCOL|AUTH|PERM|NOTADB)/;

/** Nothing was stored; the caller may try again. */
export function unavailable(cause: unknown): ServiceError {
  const reason = sqliteCode(cause) ?? (cause instanceof Error ? cause.message : 'unknown');
  return new ServiceError('UNAVAILABLE', {
    detail: `SQLite: ${reason}`,
    retryAfterSeconds: RETRY_AFTER_SECONDS,
    cause,
  });
}

/** What the caller of a store gets: UNAVAILABLE for what came from outside, INTERNAL for a broken rule. */
export function asServiceFailure(error: unknown): unknown {
  const code = sqliteCode(error);
  if (code === undefined) return error;
  if (OUTSIDE_CAUSES.test(code)) return unavailable(error);
  return new ServiceError('INTERNAL', { detail: `SQLite: ${code}`, cause: error });
}

/** Another connection holds the lock. */
export function isBusy(error: unknown): boolean {
  return sqliteCode(error)?.startsWith('SQLITE_BUSY') ?? false;
}

/**
 * The result code of an error of SQLite. The driver's error class is made once in a process, and the
 * module that exports it may be loaded more than once: its class proves nothing.
 */
function sqliteCode(error: unknown): string | undefined {
  if (typeof error !== 'object' || error === null || !('code' in error)) return undefined;
  const { code } = error;
  return typeof code === 'string' && code.startsWith('SQLITE_') ? code : undefined;
}
