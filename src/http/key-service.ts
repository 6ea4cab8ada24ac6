import { createServer, type Server } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { SECOND_MS } from '../lib/clock.js';
import { closeServer } from './close-server.js';
import { listenOnSocket } from './listen-on-socket.js';
import { createVaultRequests, type MessageService } from './vault-requests.js';

const MAX_CONNECTIONS = 4_096;
const MAX_HEADER_BYTES = 8_192;
/** Longer than callers keep an idle connection (`outbound/vault-channel.ts`). */
const IDLE_MS = 15 * SECOND_MS;
/** Shorter than callers wait, so that they are told. */
const DEADLINE_MS = 12 * SECOND_MS;

export type ListenOn =
  | { readonly socketPath: string }
  | {
      readonly host: string;
      /** 0 for any free one. */
      readonly port: number;
      /** PEM texts: the service's own certificate and key, and the authority that signs its callers. */
      readonly tls: { readonly cert: string; readonly key: string; readonly clientCa: string };
    };

interface Options {
  readonly listenOn: ListenOn;
  /** Is told of errors that no answer could carry. */
  readonly report: (error: unknown) => void;
  /** How long a caller waits for the vault. */
  readonly deadlineMs?: number;
}

export interface KeyServiceListener {
  /** 0 for a unix socket. */
  readonly port: number;
  /** Takes no new calls, lets those under way finish, and closes at the latest after `graceMs`. */
  close(graceMs: number): Promise<void>;
}

/**
 * Serves a vault to other processes: on a unix socket of mode 0600, or over TLS 1.2 or later to
 * callers whose certificate the client authority signed. Every such caller may open and destroy
 * everything: the authority should sign nobody else. Throws SocketError, or the error of `listen`.
 */
export async function serveVault(
  service: MessageService,
  options: Options,
): Promise<KeyServiceListener> {
  const { listenOn, report, deadlineMs = DEADLINE_MS } = options;
  const server = 'tls' in listenOn ? createMutualTlsServer(listenOn.tls) : createServer(LIMITS);
  const answer = createVaultRequests(service, {
    deadlineMs,
    isClosing: () => !server.listening,
  });
  server.maxConnections = MAX_CONNECTIONS;
  server.on('request', (request, response) => {
    answer(request, response).catch((error: unknown) => {
      report(error);
      response.destroy();
    });
  });
  if ('socketPath' in listenOn) await listenOnSocket(server, listenOn.socketPath);
  else await listenOnPort(server, listenOn);
  return {
    port: 'tls' in listenOn ? (server.address() as AddressInfo).port : 0,
    close: async (graceMs) => {
      await closeServer(server, graceMs);
    },
  };
}

const LIMITS = {
  headersTimeout: 5 * SECOND_MS,
  requestTimeout: 15 * SECOND_MS,
  connectionsCheckingInterval: SECOND_MS,
  keepAliveTimeout: IDLE_MS,
  maxHeaderSize: MAX_HEADER_BYTES,
};

function createMutualTlsServer(tls: { cert: string; key: string; clientCa: string }): Server {
  return createTlsServer({
    ...LIMITS,
    cert: tls.cert,
    key: tls.key,
    ca: tls.clientCa,
    requestCert: true,
    rejectUnauthorized: true,
    minVersion: 'TLSv1.2',
    handshakeTimeout: 5 * SECOND_MS,
  });
}

async function listenOnPort(server: Server, at: { host: string; port: number }): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(at.port, at.host, () => {
      server.off('error', reject);
      resolve();
    });
  });
}
