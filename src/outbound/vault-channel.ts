import { createSecureContext } from 'node:tls';
import { Pool } from 'undici';
import { collectSecret } from '../crypto/collect-secret.js';
import type { SecretBytes } from '../crypto/secret-bytes.js';
import { SECOND_MS } from '../lib/clock.js';
import type {
  ChannelAnswer,
  ChannelFailure,
  OpenVaultChannel,
  VaultAddress,
  VaultTls,
} from '../vault/service/vault-channel.js';

const PATH = '/v1/vault';
const MEDIA_TYPE = 'application/octet-stream';
/** Calls at a time; others wait for a connection. */
const CONNECTIONS = 32;
const CONNECT_TIMEOUT_MS = 5 * SECOND_MS;
/** Shorter than the service keeps an idle connection, so that no call meets one that is closing. */
const IDLE_MS = 4 * SECOND_MS;
const HEADERS_LIMIT_BYTES = 4_096;

/** What came over HTTP was no answer. */
class NoAnswer extends Error {
  readonly code: ChannelFailure;

  constructor(code: ChannelFailure) {
    super(code);
    this.code = code;
  }
}

/**
 * Carries messages to a key service over a unix socket, or over TLS 1.2 or later, both ends with
 * certificates. The address is the operator's configuration and usually a private one: the guard of
 * webhook addresses (`guarded-connector.ts`) does not apply. Redirects are not followed.
 *
 * Messages are wiped from every buffer that is reached from here; what TLS, the HTTP parser and the
 * operating system copied stays in freed memory until it is used again.
 */
export const openVaultChannel: OpenVaultChannel = ({ address, tls }) => {
  const pool = new Pool(originOf(address), {
    connect: { ...connectionOf(address, tls), timeout: CONNECT_TIMEOUT_MS },
    connections: CONNECTIONS,
    pipelining: 1,
    keepAliveTimeout: IDLE_MS,
    keepAliveMaxTimeout: IDLE_MS,
    maxHeaderSize: HEADERS_LIMIT_BYTES,
    // The signal of each call is its deadline.
    headersTimeout: 0,
    bodyTimeout: 0,
  });
  let isClosed = false;

  async function post(
    message: Uint8Array,
    within: { signal: AbortSignal; answerLimitBytes: number },
  ): Promise<SecretBytes> {
    const response = await pool.request({
      method: 'POST',
      path: PATH,
      headers: { 'content-type': MEDIA_TYPE },
      body: message,
      signal: within.signal,
    });
    const { statusCode, headers, body } = response;
    const lengthBytes = Number(headers['content-length'] ?? Number.NaN);
    const isAnswer = statusCode === 200 && headers['content-type'] === MEDIA_TYPE;
    if (!isAnswer || !(lengthBytes <= within.answerLimitBytes)) {
      body.on('error', () => undefined);
      body.destroy();
      throw new NoAnswer(statusCode === 503 ? 'BUSY' : 'PROTOCOL');
    }
    return await collectSecret(body, lengthBytes);
  }

  function failed(error: unknown): ChannelAnswer {
    return { kind: 'failed', code: isClosed ? 'CLOSED' : failureOf(error) };
  }

  return {
    async call(message, within): Promise<ChannelAnswer> {
      if (isClosed) return { kind: 'failed', code: 'CLOSED' };
      try {
        // Lent beyond the call, because sending takes longer than a call.
        const bytes = message.use((lent) => lent);
        return { kind: 'answered', message: await post(bytes, within) };
      } catch (error) {
        return failed(error);
      }
    },
    async close() {
      isClosed = true;
      await pool.destroy();
    },
  };
};

function originOf(address: VaultAddress): string {
  if ('socketPath' in address) return 'http://localhost';
  const host = address.host.includes(':') ? `[${address.host}]` : address.host;
  return `https://${host}:${address.port.toString()}`;
}

function connectionOf(address: VaultAddress, tls: VaultTls | undefined) {
  if ('socketPath' in address) return { socketPath: address.socketPath };
  return {
    secureContext: createSecureContext({ ...tls, minVersion: 'TLSv1.2' }),
    rejectUnauthorized: true,
    allowH2: false,
  };
}

/** Alerts of TLS, and what verification of a certificate answers (OpenSSL's X509_V_ERR codes). */
const CERTIFICATE = /^ERR_(SSL|TLS)_|CERT|SIGNATURE|_CA$|INVALID_PURPOSE|PATH_LENGTH|HOSTNAME/;

/** By name and code, because core's errors may be of another realm's Error. */
function failureOf(error: unknown): ChannelFailure {
  if (error instanceof NoAnswer) return error.code;
  const { name, code } = error as { name?: unknown; code?: unknown };
  const text = String(code);
  if (name === 'TimeoutError' || text === 'UND_ERR_CONNECT_TIMEOUT') return 'TIMEOUT';
  if (text === 'UND_ERR_SOCKET' || text === 'ECONNRESET' || text === 'EPIPE') return 'BROKEN_OFF';
  if (CERTIFICATE.test(text)) return 'CERTIFICATE';
  if (/^(UND_ERR|HPE)_/.test(text) || code === undefined) return 'PROTOCOL';
  return 'UNREACHABLE';
}
