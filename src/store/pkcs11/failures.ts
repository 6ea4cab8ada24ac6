import type { TokenFailure } from '../../vault/roots/share-token.js';

/** A token or a file of it that cannot be used; the message names it and the remedy in one sentence. */
export class TokenError extends Error implements TokenFailure {
  override readonly name = 'TokenFailure';
}

const GONE = 'is not there any more; put it back and try again';
const LOST = 'ended the session; try again: the next call logs in anew';

const SENTENCES: Readonly<Record<string, string>> = {
  CKR_PIN_INCORRECT: 'refused the PIN; put the right one into its file and start again',
  CKR_PIN_INVALID: 'refused the PIN; put the right one into its file and start again',
  CKR_PIN_LEN_RANGE: 'refused the PIN; put the right one into its file and start again',
  CKR_PIN_EXPIRED: 'says that the PIN expired; set a new one with the tool of its maker',
  CKR_PIN_LOCKED: 'locked the PIN after too many wrong ones; unlock it with the tool of its maker',
  CKR_USER_PIN_NOT_INITIALIZED: 'has no user PIN; set one with the tool of its maker',
  CKR_USER_ANOTHER_ALREADY_LOGGED_IN: 'is in use by its security officer; log that one out',
  CKR_TOKEN_WRITE_PROTECTED: 'is write-protected; lift that, for nothing can be erased otherwise',
  CKR_SESSION_READ_ONLY: 'can only be read; lift that, for nothing can be erased otherwise',
  CKR_DEVICE_MEMORY: 'is full; remove objects that nobody needs',
  CKR_DEVICE_ERROR: 'reports an error of the device; replace it when that does not pass',
  CKR_SESSION_COUNT: 'has no session left; end other programs that use it',
  CKR_DEVICE_REMOVED: GONE,
  CKR_TOKEN_NOT_PRESENT: GONE,
  CKR_SLOT_ID_INVALID: GONE,
  CKR_SESSION_HANDLE_INVALID: LOST,
  CKR_SESSION_CLOSED: LOST,
  CKR_OBJECT_HANDLE_INVALID: LOST,
  CKR_USER_NOT_LOGGED_IN: LOST,
  CKR_CRYPTOKI_NOT_INITIALIZED: LOST,
};

/** The name of what a PKCS#11 library answered, `CKR_...`; undefined for any other error. */
export function returnValueOf(error: unknown): string | undefined {
  const isNamed = error instanceof Object && 'message' in error;
  return isNamed ? /\bCKR_[A-Z_]+/.exec(String(error.message))?.[0] : undefined;
}

/** Runs the calls; an answer of the library becomes a {@link TokenError} that names the token. */
export function guarded<T>(name: string, calls: () => T): T {
  try {
    return calls();
  } catch (error) {
    const returnValue = returnValueOf(error);
    if (returnValue === undefined || error instanceof TokenError) throw error;
    const sentence = SENTENCES[returnValue] ?? `cannot be used (${returnValue})`;
    throw new TokenError(`${name} ${sentence}`, { cause: error });
  }
}
