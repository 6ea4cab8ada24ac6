import { resolve } from 'node:path';
import type { VariableName } from './env.js';

/** Where a share of the root is kept. */
export type ShareAddress =
  | { readonly kind: 'file'; readonly path: string }
  | { readonly kind: 'server'; readonly url: string }
  | {
      readonly kind: 'token';
      readonly tokenLabel: string;
      readonly modulePath: string;
      readonly pinPath: string;
    };

/** PEM files by which the processes of one installation know each other. */
export interface PeerTlsPaths {
  readonly caPath: string;
  readonly certPath: string;
  readonly keyPath: string;
}

/** Where the keys of templates are: in this process, or in key services. */
export interface VaultConfig {
  /** The stores of the shares of the root, in their order. */
  readonly shares: readonly ShareAddress[];
  /** Addresses of key services; without one this process owns the root itself. */
  readonly keyServices: readonly string[];
  readonly peerTls: PeerTlsPaths | undefined;
}

/** What is wrong with a variable. */
export type Refuse = (variable: VariableName, reason: string) => never;

type Given = Partial<Record<VariableName, string>>;

export function readVaultConfig(
  env: Given,
  { rootKeyPath, refuse }: { rootKeyPath: string; refuse: Refuse },
): VaultConfig {
  const peerTls = readPeerTls(env, refuse);
  const further = words(env.ROOT_SHARES).map((text) => readShare(text, refuse));
  const keyServices = words(env.VAULT_URL);
  if (keyServices.some((url) => !/^(unix:\/|https:\/\/)/.test(url)))
    refuse(
      'VAULT_URL',
      'must be a comma list of addresses such as unix:/run/lethe/vault.sock or https://keys.internal:8443',
    );
  if (keyServices.some((url) => url.startsWith('https:')) && peerTls === undefined)
    refuse('VAULT_URL', 'needs PEER_CA_PATH, PEER_CERT_PATH and PEER_KEY_PATH for https');
  if (further.some(({ kind }) => kind === 'server') && peerTls === undefined)
    refuse('ROOT_SHARES', 'needs PEER_CA_PATH, PEER_CERT_PATH and PEER_KEY_PATH for https');
  const shares: ShareAddress[] = [{ kind: 'file', path: rootKeyPath }, ...further];
  const names = shares.map((share) => JSON.stringify(share));
  if (new Set(names).size < names.length)
    refuse('ROOT_SHARES', 'names a store twice, or the one of ROOT_KEY_PATH');
  return { shares, keyServices, peerTls };
}

/** An https address, a PKCS#11 URI (RFC 7512) with a token, a module path and a PIN file, or a path. */
function readShare(text: string, refuse: Refuse): ShareAddress {
  if (text.startsWith('https://')) return { kind: 'server', url: text };
  if (text.startsWith('pkcs11:')) return readToken(text.slice('pkcs11:'.length), refuse);
  if (/^[a-z0-9+]+:/i.test(text))
    refuse('ROOT_SHARES', 'must be a comma list of paths, https addresses and pkcs11 URIs');
  return { kind: 'file', path: resolve(text) };
}

function readToken(text: string, refuse: Refuse): ShareAddress {
  const [path = '', query = ''] = text.split('?');
  const attributes = new Map(
    [...path.split(';'), ...query.split('&')].map((part) => {
      const [name = '', value = ''] = part.split('=');
      return [name, decodeURIComponent(value)] as const;
    }),
  );
  const tokenLabel = attributes.get('token') ?? '';
  const modulePath = attributes.get('module-path') ?? '';
  const pinPath = (attributes.get('pin-source') ?? '').replace(/^file:(\/\/)?/, '');
  if ([tokenLabel, modulePath, pinPath].includes(''))
    refuse(
      'ROOT_SHARES',
      'needs a pkcs11 URI of the form pkcs11:token=LABEL?module-path=LIBRARY&pin-source=FILE',
    );
  return { kind: 'token', tokenLabel, modulePath, pinPath };
}

function readPeerTls(env: Given, refuse: Refuse): PeerTlsPaths | undefined {
  const { PEER_CA_PATH, PEER_CERT_PATH, PEER_KEY_PATH } = env;
  const given = [PEER_CA_PATH, PEER_CERT_PATH, PEER_KEY_PATH];
  if (given.every((path) => path === undefined)) return undefined;
  if (PEER_CA_PATH === undefined || PEER_CERT_PATH === undefined || PEER_KEY_PATH === undefined)
    return refuse('PEER_CA_PATH', 'PEER_CERT_PATH and PEER_KEY_PATH must be given together');
  return {
    caPath: resolve(PEER_CA_PATH),
    certPath: resolve(PEER_CERT_PATH),
    keyPath: resolve(PEER_KEY_PATH),
  };
}

function words(text = ''): readonly string[] {
  return text
    .split(',')
    .map((part) => part.trim())
    .filter((part) => part !== '');
}
