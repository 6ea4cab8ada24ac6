import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { listenForShares } from '../../src/http/share-server.js';
import type { BlockFile } from '../../src/vault/roots/block-file.js';
import { ShareKeeper } from '../../src/vault/roots/share-keeper.js';
import type { Authority } from './mutual-tls.js';

/** A share server on loopback with a directory of its own. */
export interface TestShareServer {
  readonly url: string;
  readonly port: number;
  readonly directory: string;
  /** What the server told its operator. */
  readonly reports: string[];
  /** Every file of the directory, one after the other. */
  bytes(): Buffer;
  files(): string[];
  /** Stops it and keeps its files. */
  stop(): Promise<void>;
  close(): Promise<void>;
}

interface Options {
  readonly authority: Authority;
  readonly clientCa?: string;
  /** Hosts of its certificate. */
  readonly hosts?: readonly string[];
  /** To start it again. */
  readonly directory?: string;
  readonly port?: number;
  readonly open?: (path: string, mode: 'existing' | 'new') => BlockFile;
}

export async function startShareServer(options: Options): Promise<TestShareServer> {
  const { authority, clientCa = authority.cert, hosts = ['127.0.0.1'], open } = options;
  const directory = options.directory ?? mkdtempSync(join(tmpdir(), 'lethe-shares-'));
  const reports: string[] = [];
  const keeper = new ShareKeeper({ directory, lock: noLock, ...(open !== undefined && { open }) });
  const listener = await listenForShares({
    shares: keeper,
    host: '127.0.0.1',
    port: options.port ?? 0,
    tls: { ...authority.server(...hosts), clientCa },
    report: (sentence) => reports.push(sentence),
  });
  const files = (): string[] => readdirSync(directory).map((name) => join(directory, name));
  const stop = async (): Promise<void> => {
    await listener.close(100);
    await keeper.close();
  };
  return {
    url: `https://127.0.0.1:${listener.port.toString()}`,
    port: listener.port,
    directory,
    reports,
    files,
    bytes: () => Buffer.concat(files().map((file) => readFileSync(file))),
    stop,
    close: async () => {
      await stop();
      rmSync(directory, { recursive: true, force: true });
    },
  };
}

export function noLock(): { release(): void } {
  return { release: () => undefined };
}
