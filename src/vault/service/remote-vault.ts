import type { SecretBytes } from '../../crypto/secret-bytes.js';
import { ServiceError } from '../../errors/service-error.js';
import { SECOND_MS } from '../../lib/clock.js';
import type { Vault } from '../vault.js';
import { allOpened } from './all-opened.js';
import { parseVaultAddress, printVaultAddress } from './vault-address.js';
import type {
  ChannelAnswer,
  ChannelFailure,
  OpenVaultChannel,
  VaultChannel,
  VaultTls,
} from './vault-channel.js';
import { MAX_ANSWER_BYTES, type Method, parseMessage, printMessage, WireError } from './wire.js';
import { keyBatches, templateBatches } from './wire-batches.js';
import { readFailure } from './wire-failure.js';
import { FieldReader } from './wire-fields.js';
import { type Requests, type Results, WIRE_METHODS } from './wire-methods.js';

const DEADLINE_MS = 15 * SECOND_MS;
const RETRY_AFTER_SECONDS = 5;

export interface RemoteVault extends Vault {
  /** Ends the connections; calls under way, and every later one, fail with UNAVAILABLE. */
  close(): Promise<void>;
}

interface Options {
  /** `unix:/run/lethe/vault.sock` or `https://keys.internal:8443`. */
  readonly url: string;
  /** Needed for https. */
  readonly tls?: VaultTls;
  readonly openChannel: OpenVaultChannel;
  /** For a call with its repetition. */
  readonly deadlineMs?: number;
}

/**
 * A vault in another process (`lethe key-service`); no key ever comes here. Whatever keeps a call
 * from its answer is UNAVAILABLE; what the vault there throws is thrown here. A call whose
 * connection closed before the answer is sent once more, except `seal` (`wire-methods.ts` says why).
 *
 * Throws a plain Error that names the address when that cannot be used.
 */
export function createRemoteVault(options: Options): RemoteVault {
  const { name, channel } = opened(options);
  const deadlineMs = options.deadlineMs ?? DEADLINE_MS;

  async function call<M extends Method>(method: M, request: Requests[M]): Promise<Results[M]> {
    const { printRequest, isRepeatable } = WIRE_METHODS[method];
    const message = printMessage({ kind: 'request', method, fields: printRequest(request) });
    try {
      const within = {
        signal: AbortSignal.timeout(deadlineMs),
        answerLimitBytes: MAX_ANSWER_BYTES,
      };
      let answer = await channel.call(message, within);
      if (isRepeatable && isBrokenOff(answer)) answer = await channel.call(message, within);
      if (answer.kind === 'failed') throw unavailable(name, answer.code);
      return readAnswer(name, { method, message: answer.message });
    } finally {
      message.wipe();
    }
  }

  return {
    seal: async (owner, plaintext, scope) => await call('seal', { owner, scope, plaintext }),
    open: async (templates) => {
      const batches = templateBatches(templates).map(async (batch) => {
        const plaintexts = await call('open', batch);
        if (plaintexts.length === batch.length) return plaintexts;
        for (const plaintext of plaintexts) plaintext?.wipe();
        throw unavailable(name, 'PROTOCOL');
      });
      return (await allOpened(batches)).flat();
    },
    exist: async (keyIds) => {
      const batches = keyBatches(keyIds).map(async (batch) => {
        const exist = await call('exist', batch);
        if (exist.length !== batch.length) throw unavailable(name, 'PROTOCOL');
        return exist;
      });
      return (await Promise.all(batches)).flat();
    },
    shred: async (keyIds) => await call('shred', keyIds),
    shredScope: async (scope) => await call('shredScope', scope),
    roots: async () => await call('roots', undefined),
    check: async () => {
      await call('check', undefined);
    },
    close: async () => {
      await channel.close();
    },
  };
}

function opened({ url, tls, openChannel }: Options): { name: string; channel: VaultChannel } {
  const address = parseVaultAddress(url);
  if (address === undefined) {
    throw new Error(
      'the address of a key service must be unix: with an absolute path of at most 107 bytes, or ' +
        'https:// with a host and a port and nothing behind them',
    );
  }
  const name = printVaultAddress(address);
  if ('host' in address && tls === undefined) {
    throw new Error(
      `the key service at ${name} takes only callers with certificates; give the certificate of ` +
        'its authority, and a certificate and key of this process',
    );
  }
  try {
    return { name, channel: openChannel({ address, tls }) };
  } catch (cause) {
    throw new Error(
      `the key service at ${name} cannot be called: the authority, the certificate or the key of ` +
        'this process is not PEM, or the key is not that of the certificate',
      { cause },
    );
  }
}

/** Reads the answer to a method and wipes the message. */
function readAnswer<M extends Method>(
  name: string,
  answer: { method: M; message: SecretBytes },
): Results[M] {
  let reader: FieldReader | undefined;
  try {
    const { kind, method, fields } = answer.message.use((bytes) =>
      parseMessage(bytes, ['result', 'failure']),
    );
    if (method !== answer.method) throw new WireError('the answer is to another method');
    reader = new FieldReader(fields);
    if (kind === 'failure') throw readFailure(reader);
    const result = WIRE_METHODS[answer.method].parseResult(reader);
    reader.end();
    return result;
  } catch (error) {
    reader?.wipeSecrets();
    throw error instanceof WireError ? unavailable(name, 'PROTOCOL') : error;
  } finally {
    answer.message.wipe();
  }
}

function isBrokenOff(answer: ChannelAnswer): boolean {
  return answer.kind === 'failed' && answer.code === 'BROKEN_OFF';
}

function unavailable(name: string, code: ChannelFailure): ServiceError {
  return new ServiceError('UNAVAILABLE', {
    detail: `the key service at ${name} ${FAILURES[code]}`,
    retryAfterSeconds: RETRY_AFTER_SECONDS,
  });
}

const FAILURES: Readonly<Record<ChannelFailure, string>> = {
  UNREACHABLE: 'cannot be reached; start it with lethe key-service, or set the address right',
  CERTIFICATE:
    'and this process do not accept the certificates of each other; let the authorities that are ' +
    'set on either side sign valid ones for the right names',
  BROKEN_OFF:
    'ended the connection without an answer; see whether it runs, and whether its --client-ca ' +
    'signed the certificate of this process',
  TIMEOUT: 'did not answer in time; see whether it and the network there are well',
  BUSY: 'has too much to do, or is ending; try again, or add another one',
  PROTOCOL: 'does not answer as a key service of this release; run the same release on both sides',
  CLOSED: 'is not called any more: this process is ending',
};
