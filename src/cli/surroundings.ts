import { readConfig } from '../config/config.js';
import { readEnv } from '../config/env.js';
import type { OperationDeps } from '../operations/deps.js';
import type { KeyTreeVault } from '../vault/key-tree-vault.js';
import type { RootStore } from '../vault/roots/root-store.js';
import type { TreeReport } from '../vault/tree/tree-inspector.js';
import type { FencedError } from '../vault/tree/tree-store.js';
import type { Application } from './command.js';

/*
 * What commands open, loaded when it is needed, so that --help and bad usage answer at once.
 */

/** The part of `context.ts` that commands use. */
export interface Service {
  readonly operations: OperationDeps;
  /** Opens everything and counts; absent when the keys are in key services. */
  inspect?(): Promise<TreeReport>;
  close(): Promise<void>;
}

/** A key tree and its root, owned by this process: so no server may be running. */
export interface Keys {
  readonly vault: KeyTreeVault;
  readonly rootStores: readonly RootStore[];
  /** Resolves when another process has taken over the root. */
  readonly whenFenced: Promise<Error>;
  close(): Promise<void>;
}

/** The stores of the shares of the root, locked for this process. */
export interface RootStores {
  readonly stores: readonly RootStore[];
  close(): Promise<void>;
}

export async function openApplication(): Promise<Application> {
  const { openApplication: open } = await import('../application.js');
  return await open(readConfig(readEnv()));
}

/** The service with its vault; nothing is served. */
export async function openService(): Promise<Service> {
  const { openContext } = await import('../context.js');
  const context = await openContext(readConfig(readEnv()));
  const { operations } = context.http;
  const close = () => context.close();
  return context.inspectVault === undefined
    ? { operations, close }
    : { operations, close, inspect: context.inspectVault };
}

/** The database and the key tree in it, and nothing that needs the service key. */
export async function openKeys(options: { mayAddRoot?: boolean } = {}): Promise<Keys> {
  const { openStore } = await import('../application.js');
  const { ownVault } = await import('../vault-context.js');
  const { createWatch } = await import('../watch/events.js');
  const config = readConfig(readEnv());
  const store = await openStore(config);
  let onFenced: (error: FencedError) => void = () => undefined;
  const whenFenced = new Promise<FencedError>((resolve) => {
    onFenced = resolve;
  });
  try {
    const watch = createWatch({ level: config.logLevel, stream: process.stderr });
    const own = await ownVault({ config, store, watch, onFenced }, options);
    return {
      ...own,
      whenFenced,
      close: async () => {
        await own.close();
        await store.close();
      },
    };
  } catch (error) {
    await store.close();
    throw error;
  }
}

export async function openRootStores(): Promise<RootStores> {
  const { openRootStores: open } = await import('../vault-context.js');
  return await open(readConfig(readEnv()));
}
