import { ServiceError } from '../../errors/service-error.js';
import { RootStoreError } from '../roots/root-store.js';
import { VaultError } from '../vault-error.js';
import { FencedError } from './tree-store.js';

const RETRY_AFTER_SECONDS = 5;

type Retry = () => Promise<unknown>;

/**
 * What went wrong last with the tree or a store of the root, until it was seen to work again: so
 * that an operator who asks whether the service is ready hears of it.
 */
export class Trouble {
  #retry: Retry | undefined;
  #rechecking: Promise<void> | undefined;

  /** Runs the work; when it meets trouble, `retry` is what shows later that it is over. */
  async watch<T>(work: () => Promise<T>, { retry }: { retry: Retry }): Promise<T> {
    return await asUnavailable(async () => {
      try {
        return await work();
      } catch (error) {
        if (isForeseen(error)) this.#retry = retry;
        throw error;
      }
    });
  }

  /** Tries what failed, once for all who ask meanwhile; throws its sentence while it still does. */
  async recheck(): Promise<void> {
    this.#rechecking ??= this.#tryAgain().finally(() => {
      this.#rechecking = undefined;
    });
    await this.#rechecking;
  }

  async #tryAgain(): Promise<void> {
    const retry = this.#retry;
    if (retry === undefined) return;
    await retry();
    if (this.#retry === retry) this.#retry = undefined;
  }
}

/** What a process can mend by itself, or an operator from outside, is no fault of the request. */
export async function asUnavailable<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (!isForeseen(error)) throw error;
    throw new ServiceError('UNAVAILABLE', {
      detail: error.message,
      retryAfterSeconds: RETRY_AFTER_SECONDS,
      cause: error,
    });
  }
}

function isForeseen(error: unknown): error is Error {
  return [VaultError, RootStoreError, FencedError].some((kind) => error instanceof kind);
}
