import { X509Certificate } from 'node:crypto';
import { createSecureContext } from 'node:tls';
import { type Dispatcher, Pool } from 'undici';
import { SecretBytes } from '../crypto/secret-bytes.js';
import { SECOND_MS } from '../lib/clock.js';
import type {
  OpenShareChannel,
  ShareAnswer,
  ShareCall,
  ShareFailure,
} from '../vault/roots/share-channel.js';

const DEADLINE_MS = 5 * SECOND_MS;
const ANSWER_LIMIT_BYTES = 65_536;
const IDLE_MS = 60 * SECOND_MS;
/** One root uses the channel, one call after the other; the second is for when the first one hangs. */
const CONNECTIONS = 2;

type Body = Dispatcher.ResponseData['body'];

/**
 * Calls a share server over TLS 1.2 or later, both ends with certificates. The address is the
 * operator's configuration and usually a private one: the guard of webhook addresses
 * (`guarded-connector.ts`) does not apply.
 *
 * Shares are wiped from every buffer that is reached from here. TLS and the parser of undici keep a
 * copy of the last answer; the protocol lets the next one overwrite it.
 */
export const openShareChannel: OpenShareChannel = ({ origin, tls }) => {
  checkPem(tls.ca);
  const pool = new Pool(origin, {
    connect: {
      secureContext: createSecureContext({ ...tls, minVersion: 'TLSv1.2' }),
      rejectUnauthorized: true,
      timeout: DEADLINE_MS,
      maxCachedSessions: 0,
    },
    connections: CONNECTIONS,
    pipelining: 1,
    keepAliveTimeout: IDLE_MS,
    headersTimeout: DEADLINE_MS,
    bodyTimeout: DEADLINE_MS,
    maxResponseSize: ANSWER_LIMIT_BYTES,
  });
  let isClosed = false;

  async function request({ method, path, body }: ShareCall): Promise<ShareAnswer> {
    const response = await pool.request({
      method,
      path,
      ...(body !== undefined && {
        headers: { 'content-type': body.mediaType },
        body: body.bytes,
      }),
      signal: AbortSignal.timeout(DEADLINE_MS),
    });
    return {
      kind: 'answered',
      status: response.statusCode,
      mediaType: mediaTypeOf(response.headers['content-type']),
      body: await readSecret(response.body),
    };
  }

  function failed(error: unknown): ShareAnswer {
    return { kind: 'failed', code: isClosed ? 'CLOSED' : failureOf(error) };
  }

  return {
    async call(call) {
      if (isClosed) return { kind: 'failed', code: 'CLOSED' };
      try {
        return await request(call);
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

/** Throws when a text holds no certificate: TLS would silently have no authority, or all public ones. */
function checkPem(text: string): X509Certificate {
  return new X509Certificate(text);
}

/** The pool ends an answer that is longer than the limit with an error. */
async function readSecret(body: Body): Promise<SecretBytes> {
  const buffer = new Uint8Array(new ArrayBuffer(ANSWER_LIMIT_BYTES));
  let lengthBytes = 0;
  try {
    for await (const chunk of body as AsyncIterable<Uint8Array>) {
      buffer.set(chunk, lengthBytes);
      lengthBytes += chunk.byteLength;
      chunk.fill(0);
    }
    return SecretBytes.take(buffer.subarray(0, lengthBytes));
  } finally {
    buffer.fill(0);
  }
}

function mediaTypeOf(header: string | string[] | undefined): string {
  const [type = ''] = typeof header === 'string' ? header.split(';') : [];
  return type.trim().toLowerCase();
}

const FAILURES: Readonly<Partial<Record<string, ShareFailure>>> = {
  UND_ERR_CONNECT_TIMEOUT: 'TIMEOUT',
  UND_ERR_HEADERS_TIMEOUT: 'TIMEOUT',
  UND_ERR_BODY_TIMEOUT: 'TIMEOUT',
  UND_ERR_SOCKET: 'BROKEN_OFF',
  ECONNRESET: 'BROKEN_OFF',
  EPIPE: 'BROKEN_OFF',
};
/** Alerts of TLS (RFC 8446 §6.2) by which a server refuses the certificate of a client. */
const CLIENT_ALERT =
  /^ERR_SSL_.*ALERT_(CERTIFICATE|BAD_CERTIFICATE|UNSUPPORTED_CERTIFICATE|UNKNOWN_CA|ACCESS_DENIED)/;
/** What the verification of the server's certificate says (X509_V_ERR of OpenSSL, Node's own). */
const SERVER_CERTIFICATE = /^(?!ERR_SSL).*(CERT|_CA$|INVALID_PURPOSE|PATH_LENGTH)/;
/** What the operating system says about a connection: ECONNREFUSED, ENOTFOUND and so on. */
const SYSTEM = /^E(?!RR_)/;

function failureOf(error: unknown): ShareFailure {
  // By name and code, because core's errors may be of another realm's Error.
  const { name, code } = error as { name?: unknown; code?: unknown };
  if (name === 'TimeoutError') return 'TIMEOUT';
  const text = String(code);
  const known = FAILURES[text];
  if (known !== undefined) return known;
  if (CLIENT_ALERT.test(text)) return 'CLIENT_REFUSED';
  if (SERVER_CERTIFICATE.test(text)) return 'SERVER_CERTIFICATE';
  return SYSTEM.test(text) ? 'UNREACHABLE' : 'PROTOCOL';
}
