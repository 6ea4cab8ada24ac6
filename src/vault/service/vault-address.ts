import type { VaultAddress } from './vault-channel.js';

const UNIX = 'unix:';
/** What the name of a unix socket has room for (unix(7): 108 bytes with the zero at the end). */
const MAX_PATH_BYTES = 107;

/**
 * Reads `unix:/run/lethe/vault.sock` (an absolute path) or `https://keys.internal:8443` (a host and
 * a port, nothing else). Undefined for every other text.
 */
export function parseVaultAddress(text: string): VaultAddress | undefined {
  return text.startsWith(UNIX) ? parseSocket(text.slice(UNIX.length)) : parseHttps(text);
}

/** The text that {@link parseVaultAddress} reads. */
export function printVaultAddress(address: VaultAddress): string {
  if ('socketPath' in address) return `${UNIX}${address.socketPath}`;
  const host = address.host.includes(':') ? `[${address.host}]` : address.host;
  return `https://${host}:${address.port.toString()}`;
}

function parseSocket(path: string): VaultAddress | undefined {
  const fits = path.startsWith('/') && Buffer.byteLength(path) <= MAX_PATH_BYTES;
  return fits && !path.includes('\0') && !path.endsWith('/') ? { socketPath: path } : undefined;
}

function parseHttps(text: string): VaultAddress | undefined {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url?.protocol !== 'https:' || url.href !== `${url.origin}/`) return undefined;
  const host = url.hostname.replace(/^\[|\]$/g, '');
  return { host, port: url.port === '' ? 443 : Number(url.port) };
}
