import { readFileSync, statSync } from 'node:fs';
import { utf8Text } from '../../lib/bytes.js';
import { TokenError } from './failures.js';

const MAX_FILE_BYTES = 1024;

/**
 * The PIN in a file, without the line break at its end. It is read anew for every login: pkcs11js
 * takes it as a text, and a text cannot be wiped, so at least none is kept. Throws
 * {@link TokenError} for a file that is missing, too long, empty, not UTF-8 or readable by others.
 */
export function readPin(path: string): string {
  const bytes = readPrivateFile(path);
  try {
    const pin = decoded(bytes)?.replace(/\r?\n$/, '');
    if (pin === undefined) fail(path, 'is not UTF-8 text; put the PIN of the token into it');
    if (pin === '') fail(path, 'is empty; put the PIN of the token into it');
    return pin;
  } finally {
    bytes.fill(0);
  }
}

function readPrivateFile(path: string): Uint8Array {
  try {
    const stat = statSync(path);
    if (!stat.isFile()) fail(path, 'must be a regular file');
    if ((stat.mode & 0o077) !== 0) fail(path, 'can be read by others; set its mode to 0600');
    if (stat.size > MAX_FILE_BYTES) fail(path, 'is too long for a PIN');
    return readFileSync(path);
  } catch (error) {
    if (error instanceof TokenError) throw error;
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT') fail(path, 'is missing; put the PIN of the token into it, mode 0600');
    throw new TokenError(
      `${path} cannot be read (${code ?? 'unknown'}); give it to the user that runs Lethe, mode 0600`,
      { cause: error },
    );
  }
}

function decoded(bytes: Uint8Array): string | undefined {
  try {
    return utf8Text(bytes);
  } catch {
    return undefined;
  }
}

function fail(path: string, reason: string): never {
  throw new TokenError(`${path} ${reason}`);
}
