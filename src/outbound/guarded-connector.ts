import { type LookupAddress, lookup as systemLookup } from 'node:dns';
import { connect as connectTcp, isIP, type LookupFunction, type Socket } from 'node:net';
import { connect as connectTls, createSecureContext, type SecureContext } from 'node:tls';
import type { buildConnector } from 'undici';
import type { WebhookTls } from '../callbacks/webhook-sender.js';
import { SECOND_MS } from '../lib/clock.js';
import { type EgressPolicy, hostOf, isLocalhost, portOf } from './address-policy.js';

const CONNECT_TIMEOUT_MS = 10 * SECOND_MS;

/** Why no connection was made. */
export class ConnectFailure extends Error {
  override readonly name = 'ConnectFailure';
  readonly code: 'BLOCKED_ADDRESS' | 'DNS' | 'CONNECT' | 'TLS' | 'TIMEOUT';

  constructor(code: ConnectFailure['code'], cause?: unknown) {
    super(code, { cause });
    this.code = code;
  }
}

type Lookup = (
  host: string,
  options: { all: true },
  done: (error: NodeJS.ErrnoException | null, addresses: LookupAddress[]) => void,
) => void;

/** What a connector is made of besides the policy; TLS is that of one tenant, or the usual one. */
export interface ConnectorParts extends Partial<Omit<WebhookTls, 'identity'>> {
  /** Stands in for the system's name lookup. */
  readonly lookup?: Lookup;
  readonly timeoutMs?: number;
}

/**
 * Connects only where the policy allows: a literal address before it is used, a name after one
 * lookup of which every answer must be allowed, and once more the address that the socket reached,
 * before a byte is written. The answer of the lookup holds for that connection. TLS is 1.2 or
 * later, verified whatever the environment says.
 */
export function createGuardedConnector(
  policy: EgressPolicy,
  parts: ConnectorParts = {},
): buildConnector.connector {
  const timeoutMs = parts.timeoutMs ?? CONNECT_TIMEOUT_MS;
  let secureContext: SecureContext | undefined;

  return (target, done) => {
    const host = hostOf(target);
    const port = portOf(target);
    if (isIP(host) !== 0 && !policy.allowsAddress(host, port)) {
      done(new ConnectFailure('BLOCKED_ADDRESS'), null);
      return;
    }
    const tcp = connectTcp({
      host,
      port,
      noDelay: true,
      lookup: guardLookup(policy, { port, lookup: parts.lookup ?? systemLookup }),
    });
    let current = tcp;
    const timer = setTimeout(() => current.destroy(new ConnectFailure('TIMEOUT')), timeoutMs);

    function fail(failure: ConnectFailure): void {
      clearTimeout(timer);
      tcp.destroy();
      done(failure, null);
    }

    function succeed(socket: Socket): void {
      clearTimeout(timer);
      done(null, socket);
    }

    function secure(): void {
      try {
        secureContext ??= contextOf(parts);
      } catch (error) {
        fail(new ConnectFailure('TLS', error));
        return;
      }
      const tls = connectTls({
        socket: tcp,
        host,
        ...(isIP(host) === 0 ? { servername: host } : {}),
        secureContext,
        // Else NODE_TLS_REJECT_UNAUTHORIZED could turn it off.
        rejectUnauthorized: true,
        ALPNProtocols: ['http/1.1'],
      });
      current = tls;
      whenOpen(tls, 'secureConnect', (error) => {
        if (error === undefined) succeed(tls);
        else fail(asFailure('TLS', error));
      });
    }

    whenOpen(tcp, 'connect', (error) => {
      if (error !== undefined) fail(asFailure('CONNECT', error));
      else if (!policy.allowsAddress(tcp.remoteAddress ?? '', port)) {
        fail(new ConnectFailure('BLOCKED_ADDRESS'));
      } else if (target.protocol === 'https:') secure();
      else succeed(tcp);
    });
  };
}

/**
 * The TLS of a connector. The text of a private key is in memory for the time of this call; the key
 * itself stays with OpenSSL for as long as the connector.
 */
function contextOf({ ca, certificate, openKey }: ConnectorParts): SecureContext {
  const key = openKey?.();
  try {
    return createSecureContext({
      minVersion: 'TLSv1.2',
      ...(ca !== undefined && { ca }),
      ...(certificate !== undefined && { cert: certificate }),
      ...(key && { key: key.use(viewOf) }),
    });
  } finally {
    key?.wipe();
  }
}

/** The bytes as OpenSSL reads them, without a copy. */
function viewOf(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer as ArrayBuffer, bytes.byteOffset, bytes.byteLength);
}

/** Calls back once: when the socket is open, or when it fails before. */
function whenOpen(
  socket: Socket,
  event: 'connect' | 'secureConnect',
  done: (error?: Error) => void,
): void {
  function settle(error?: Error): void {
    socket.removeListener(event, onOpen);
    socket.removeListener('error', settle);
    socket.removeListener('close', onClose);
    // From here on the owner listens; until it does, an error must not end the process.
    if (error !== undefined) socket.on('error', () => undefined);
    done(error);
  }
  function onOpen(): void {
    settle();
  }
  function onClose(): void {
    settle(new Error('closed before it was open'));
  }
  socket.once(event, onOpen);
  socket.once('error', settle);
  socket.once('close', onClose);
}

function asFailure(code: ConnectFailure['code'], error: Error): ConnectFailure {
  return error instanceof ConnectFailure ? error : new ConnectFailure(code, error);
}

function guardLookup(
  policy: EgressPolicy,
  guard: { port: number; lookup: Lookup },
): LookupFunction {
  return (host, options, done) => {
    guard.lookup(host, { all: true }, (error, answers) => {
      if (error !== null) {
        done(new ConnectFailure('DNS', error), []);
        return;
      }
      const allowed = answers.filter(({ address }) => policy.allowsAddress(address, guard.port));
      // "localhost" stands for both loopback addresses, of which an operator may allow one.
      const areEnough = isLocalhost(host) ? allowed.length > 0 : allowed.length === answers.length;
      const [first] = allowed;
      if (!areEnough || first === undefined) {
        done(new ConnectFailure('BLOCKED_ADDRESS'), []);
      } else if (options.all === true) {
        done(null, allowed);
      } else {
        done(null, first.address, first.family);
      }
    });
  };
}
