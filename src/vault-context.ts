import { readFileSync } from 'node:fs';
import type { Config } from './config/config.js';
import type { PeerTlsPaths, ShareAddress } from './config/vault-config.js';
import type { Store } from './operations/unit-of-work.js';
import { openShareChannel } from './outbound/share-channel.js';
import { openVaultChannel } from './outbound/vault-channel.js';
import { openToken } from './store/pkcs11/token.js';
import { lockFile } from './store/sqlite/data-dir.js';
import { createKeyTreeVault, type KeyTreeVault } from './vault/key-tree-vault.js';
import { coreDumpsAreOff } from './vault/roots/core-dumps.js';
import { createRemoteShare } from './vault/roots/remote-share.js';
import { RootFile } from './vault/roots/root-file.js';
import { type RootStore, RootStoreError } from './vault/roots/root-store.js';
import { createTokenShare } from './vault/roots/token-share.js';
import { createRemoteVault, type RemoteVault } from './vault/service/remote-vault.js';
import { createSplitVault } from './vault/service/split-vault.js';
import type { TreeReport } from './vault/tree/tree-inspector.js';
import { TreeOwner } from './vault/tree/tree-owner.js';
import type { FencedError } from './vault/tree/tree-store.js';
import type { Vault } from './vault/vault.js';
import { VaultError } from './vault/vault-error.js';
import type { Watch } from './watch/events.js';

/** A vault and its end. */
export interface OpenVault {
  readonly vault: Vault;
  /** Opens everything in the key tree and counts; absent when the keys are in key services. */
  readonly inspect?: () => Promise<TreeReport>;
  close(): Promise<void>;
}

interface Deps {
  readonly config: Config;
  readonly store: Store;
  readonly watch: Watch;
  /** Another process took the root over: this one must stop. */
  readonly onFenced: (error: FencedError) => void;
}

/**
 * The vault of this process: the key services that VAULT_URL names, or a key tree of its own. Throws
 * one sentence when it cannot be opened.
 */
export async function openVault(deps: Deps): Promise<OpenVault> {
  const { keyServices } = deps.config.vault;
  return keyServices.length > 0 ? await connectVault(deps.config) : await ownVault(deps);
}

/** Every key service must answer: without one of them, nobody knows what was erased there. */
async function connectVault(config: Config): Promise<OpenVault> {
  const tls = peerTls(config.vault.peerTls);
  const parts: { vault: RemoteVault }[] = [];
  const close = async (): Promise<void> => {
    await Promise.all(parts.map(({ vault }) => vault.close()));
  };
  try {
    for (const url of config.vault.keyServices) {
      const options = { url, openChannel: openVaultChannel, ...(tls && { tls }) };
      parts.push({ vault: createRemoteVault(options) });
    }
    const vault = createSplitVault(parts);
    await vault.roots();
    return { vault, close };
  } catch (cause) {
    await close();
    throw new VaultError((cause as Error).message, { cause });
  }
}

/** A key tree whose root this process owns. */
export interface OwnVault extends OpenVault {
  readonly vault: KeyTreeVault;
  readonly rootStores: readonly RootStore[];
}

export async function ownVault(
  deps: Deps,
  options: { mayAddRoot?: boolean } = {},
): Promise<OwnVault> {
  const opened = await openRootStores(deps.config);
  const { stores: rootStores } = opened;
  try {
    requireNoCoreDumps(deps);
    await requireForgetting(deps, rootStores);
    const owner = await TreeOwner.open(
      { rootStores, trees: deps.store.trees, ...options },
      deps.onFenced,
    );
    const vault = await createKeyTreeVault(owner);
    return {
      vault,
      rootStores,
      inspect: () => vault.inspect(),
      close: async () => {
        await vault.close();
        await opened.close();
      },
    };
  } catch (error) {
    await opened.close();
    throw error;
  }
}

/** The stores of the shares of the root, locked for this process. */
export async function openRootStores(
  config: Config,
): Promise<{ stores: readonly RootStore[]; close(): Promise<void> }> {
  const stores: RootStore[] = [];
  const close = async (): Promise<void> => {
    await Promise.all(stores.map((store) => store.close()));
  };
  try {
    for (const share of config.vault.shares) stores.push(openShare(share, config.vault.peerTls));
    return { stores, close };
  } catch (error) {
    await close();
    throw error;
  }
}

function openShare(share: ShareAddress, tlsPaths: PeerTlsPaths | undefined): RootStore {
  if (share.kind === 'file') return new RootFile({ path: share.path, lock: lockFile });
  if (share.kind === 'token') return createTokenShare(openToken(share));
  const tls = peerTls(tlsPaths);
  if (tls === undefined) throw new RootStoreError(`${share.url} needs certificates (PEER_CA_PATH)`);
  return createRemoteShare({ url: share.url, tls, openChannel: openShareChannel });
}

/** The root is forgotten when one store forgets its share: it is enough that one of them does. */
async function requireForgetting(deps: Deps, stores: readonly RootStore[]): Promise<void> {
  const judged = await Promise.all(stores.map((store) => store.preflight()));
  if (judged.some(({ verdict }) => verdict === 'forgets')) return;
  if (deps.config.isProduction && judged.every(({ verdict }) => verdict === 'keeps'))
    throw new RootStoreError(judged.map(({ reason }) => reason).join('; '));
  for (const { reason } of judged) deps.watch.erasureDoubted({ reason });
}

/** A core dump would hold the root and every key above the leaves. */
function requireNoCoreDumps({ config, watch }: Deps): void {
  if (coreDumpsAreOff() !== false) return;
  const reason =
    'a crash would write the root into a core dump: start Lethe under ulimit -c 0 (LimitCORE=0 in systemd, ulimits in compose.yaml)';
  if (config.isProduction) throw new RootStoreError(reason);
  watch.erasureDoubted({ reason });
}

function peerTls(
  paths: PeerTlsPaths | undefined,
): { ca: string; cert: string; key: string } | undefined {
  if (paths === undefined) return undefined;
  return {
    ca: readPem(paths.caPath),
    cert: readPem(paths.certPath),
    key: readPem(paths.keyPath),
  };
}

function readPem(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (cause) {
    const { code = 'unknown error' } = cause as NodeJS.ErrnoException;
    throw new RootStoreError(`${path} cannot be read (${code}); it must hold a PEM text`, {
      cause,
    });
  }
}
