import { SealBroken } from '../../crypto/seal.js';
import { SecretBytes } from '../../crypto/secret-bytes.js';
import { ServiceError } from '../../errors/service-error.js';
import type { Vault } from '../vault.js';
import { type Field, type Method, parseMessage, printMessage, WireError } from './wire.js';
import { printFailure, type WireFailure } from './wire-failure.js';
import { FieldReader } from './wire-fields.js';
import { WIRE_METHODS } from './wire-methods.js';

/** A vault as its key service offers it: messages in, messages out. */
export interface VaultService {
  /**
   * Does what a message asks; the answer may be that it failed. The caller wipes both messages.
   * Undefined when the bytes are no request: nothing was done.
   */
  answer(message: Uint8Array): Promise<SecretBytes | undefined>;
  /** Throws one sentence for the operator when nothing could be opened now. */
  check(): Promise<void>;
}

/**
 * Offers a vault to other processes. `report` is told what nobody foresaw; the callers are told that
 * much, because its words may hold anything.
 */
export function createVaultService(vault: Vault, report: (error: unknown) => void): VaultService {
  async function done<M extends Method>(method: M, fields: FieldReader): Promise<SecretBytes> {
    const row = WIRE_METHODS[method];
    const request = row.parseRequest(fields);
    fields.end();
    try {
      const result = row.printResult(await row.call(vault, request));
      return printed(method, result);
    } catch (error) {
      return printFailure(method, asFailure(method, error));
    }
  }

  function asFailure(method: Method, error: unknown): WireFailure {
    if (error instanceof ServiceError || error instanceof SealBroken) return error;
    // What `check` throws is written for the operator, whatever its kind.
    if (method === 'check' && error instanceof Error)
      return new ServiceError('UNAVAILABLE', { detail: error.message });
    report(error);
    return new ServiceError('INTERNAL', {
      detail: 'the key service failed; its own log says more',
    });
  }

  return {
    async answer(message) {
      let fields: FieldReader | undefined;
      try {
        const request = parseMessage(message, ['request']);
        fields = new FieldReader(request.fields);
        return await done(request.method, fields);
      } catch (error) {
        if (error instanceof WireError) return undefined;
        throw error;
      } finally {
        fields?.wipeSecrets();
      }
    },
    check: async () => await vault.check(),
  };
}

/** The secrets of a result end with its message. */
function printed(method: Method, fields: readonly Field[]): SecretBytes {
  try {
    return printMessage({ kind: 'result', method, fields });
  } finally {
    for (const field of fields) if (field instanceof SecretBytes) field.wipe();
  }
}
