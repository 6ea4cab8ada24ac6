import {
  closeSync,
  constants,
  fsyncSync,
  openSync,
  readFileSync,
  statSync,
  writeSync,
} from 'node:fs';
import { dirname } from 'node:path';
import { SecretBytes } from '../crypto/secret-bytes.js';

const KEY_BYTES = 32;

/** The key of an installation beside the root of its key tree: a file of its own, never in the database. */
export interface Secrets {
  /** Source of every key but those of templates: pepper, seal at rest, commitments, signatures. */
  readonly serviceKey: SecretBytes;
}

/** A key file that stops the start: its path and the reason, in one sentence. */
export class SecretsError extends Error {
  override readonly name = 'SecretsError';
}

/**
 * Reads the key. On an empty store a missing file is created with a fresh random key, mode 0600; on
 * a store that holds data it is an error, because a new one would open nothing.
 */
export function loadSecrets(paths: { serviceKeyPath: string; isStoreEmpty: boolean }): Secrets {
  return { serviceKey: loadKey(paths.serviceKeyPath, paths.isStoreEmpty) };
}

function loadKey(path: string, mayCreate: boolean): SecretBytes {
  const existing = readKey(path);
  if (existing !== undefined) return existing;
  if (!mayCreate) {
    throw new SecretsError(
      `${path} is missing, but the store holds data that only this key opens; put the file back`,
    );
  }
  createKey(path);
  return readKey(path) ?? fail(path, 'vanished while it was being created');
}

function readKey(path: string): SecretBytes | undefined {
  const stat = statSync(path, { throwIfNoEntry: false });
  if (stat === undefined) return undefined;
  if (!stat.isFile()) fail(path, 'must be a regular file');
  if ((stat.mode & 0o077) !== 0) fail(path, 'can be read by others; set its mode to 0600');
  if (stat.size !== KEY_BYTES) fail(path, `must hold exactly ${KEY_BYTES.toString()} bytes`);
  return SecretBytes.take(readFileSync(path));
}

/** Written, synced and complete before any data depends on it; never replaces a file. */
function createKey(path: string): void {
  const secret = SecretBytes.random(KEY_BYTES);
  const file = openSync(path, constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL, 0o600);
  try {
    secret.use((bytes) => writeSync(file, bytes));
    fsyncSync(file);
  } finally {
    closeSync(file);
    secret.wipe();
  }
  const directory = openSync(dirname(path), constants.O_RDONLY);
  fsyncSync(directory);
  closeSync(directory);
}

function fail(path: string, reason: string): never {
  throw new SecretsError(`${path} ${reason}`);
}
