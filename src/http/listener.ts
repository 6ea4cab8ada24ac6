import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { closeServer } from './close-server.js';

/** A running server. */
export interface Listener {
  readonly port: number;
  /** Takes no new requests, lets those under way finish, and closes at the latest after `graceMs`. */
  close(graceMs: number): Promise<void>;
}

/** Lets a server listen; port 0 is any free one. Rejects when nothing can listen there. */
export async function startListening(
  server: Pick<
    Server,
    'address' | 'close' | 'closeAllConnections' | 'closeIdleConnections' | 'listen' | 'off' | 'once'
  >,
  at: { host: string; port: number },
): Promise<Listener> {
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(at.port, at.host, () => {
      server.off('error', reject);
      resolve();
    });
  });
  return {
    port: (server.address() as AddressInfo).port,
    close: async (graceMs) => await closeServer(server, graceMs),
  };
}
