import { mkdtempSync, rmSync } from 'node:fs';
import { connect, createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from '@jest/globals';
import { type KeyServiceListener, serveVault } from '../../src/http/key-service.js';
import { openVaultChannel } from '../../src/outbound/vault-channel.js';
import { createRemoteVault, type RemoteVault } from '../../src/vault/service/remote-vault.js';
import type { VaultTls } from '../../src/vault/service/vault-channel.js';
import { createVaultService } from '../../src/vault/service/vault-service.js';
import type { SealedTemplate } from '../../src/vault/vault.js';
import { MemoryVault, plaintextOf } from './memory-vault.js';

export const owner = { tenantId: 't', uuid: 'u' };

/** What every failure of the way to a key service looks like. */
export function unavailable(sentence: RegExp): object {
  return {
    name: 'ServiceError',
    code: 'UNAVAILABLE',
    message: expect.stringMatching(sentence),
    retryAfterSeconds: 5,
  };
}

/** A vault, its key services and those who call them; `close` ends what a test began. */
export class KeyServiceBench {
  readonly vault = new MemoryVault(1);
  /** What the services reported. */
  readonly reported: unknown[] = [];
  readonly #sockets = mkdtempSync(join(tmpdir(), 'lethe-ks-'));
  readonly #running: (() => Promise<void>)[] = [];
  #count = 0;

  /** A path for a unix socket, short enough. */
  socketPath(): string {
    this.#count += 1;
    return join(this.#sockets, `${this.#count.toString()}.sock`);
  }

  /** Closes it at the end of the test. */
  closing<T extends { close(graceMs: number): Promise<void> }>(what: T): T {
    this.#running.push(async () => what.close(0));
    return what;
  }

  report = (error: unknown): void => {
    this.reported.push(error);
  };

  async serve(
    options: { path?: string; deadlineMs?: number } = {},
  ): Promise<{ path: string; listener: KeyServiceListener }> {
    const { path = this.socketPath(), ...rest } = options;
    const listener = await serveVault(createVaultService(this.vault, this.report), {
      listenOn: { socketPath: path },
      report: this.report,
      ...rest,
    });
    return { path, listener: this.closing(listener) };
  }

  remote(url: string, options: { tls?: VaultTls; deadlineMs?: number } = {}): RemoteVault {
    return this.closing(createRemoteVault({ url, openChannel: openVaultChannel, ...options }));
  }

  /** A service on a socket, and a vault that calls it. */
  async pair(
    options: { deadlineMs?: number } = {},
  ): Promise<{ path: string; listener: KeyServiceListener; remote: RemoteVault }> {
    const served = await this.serve(options);
    return { ...served, remote: this.remote(`unix:${served.path}`) };
  }

  /** Something in the place of a key service, and a vault that calls it. */
  async pretend(
    behave: (socket: Socket, number: number) => void,
    options: { deadlineMs?: number } = {},
  ): Promise<{ service: RawService; remote: RemoteVault }> {
    const path = this.socketPath();
    const service = this.closing(await startRawService(path, behave));
    return { service, remote: this.remote(`unix:${path}`, options) };
  }

  async close(): Promise<void> {
    this.vault.resume();
    for (const end of this.#running.reverse()) await end();
    rmSync(this.#sockets, { recursive: true });
  }
}

/** Seals a text for the owner. */
export async function sealText(remote: RemoteVault, text: string): Promise<SealedTemplate> {
  return { ...owner, ...(await remote.seal(owner, plaintextOf(text))) };
}

/** Something that listens on a unix socket, with how often somebody connected. */
export interface RawService {
  readonly connections: () => number;
  close(): Promise<void>;
}

/** Lets `behave` do what it wants with each connection; the number of the first one is 1. */
async function startRawService(
  path: string,
  behave: (socket: Socket, number: number) => void,
): Promise<RawService> {
  const sockets = new Set<Socket>();
  let count = 0;
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined);
    socket.on('close', () => sockets.delete(socket));
    behave(socket, (count += 1));
  });
  await new Promise<void>((resolve) => server.listen(path, resolve));
  return {
    connections: () => count,
    close: async () => {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** Passes everything on to `target`, and keeps what went either way. */
export async function startRecorder(
  path: string,
  target: string,
): Promise<RawService & { readonly traffic: () => Buffer }> {
  const chunks: Buffer[] = [];
  const raw = await startRawService(path, (near) => {
    const far = connect(target);
    far.on('error', () => undefined);
    for (const [from, to] of [
      [near, far],
      [far, near],
    ] as const) {
      from.on('data', (chunk: Buffer) => {
        chunks.push(Buffer.from(chunk));
        to.write(chunk);
      });
      from.on('close', () => to.destroy());
    }
  });
  return { ...raw, traffic: () => Buffer.concat(chunks) };
}
