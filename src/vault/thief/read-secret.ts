import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import { SecretBytes } from '../../crypto/secret-bytes.js';

/** A file of at most `mostBytes`, read without a copy on the way; takes no lock, changes nothing. */
export function readSecret(path: string, mostBytes: number): SecretBytes {
  const file = openSync(path, 'r');
  try {
    const { size } = fstatSync(file);
    if (size > mostBytes)
      throw new RangeError(`${path} is longer than ${mostBytes} bytes: give it as memory`);
    const buffer = new ArrayBuffer(size);
    const bytes = new Uint8Array(buffer);
    for (let done = 0; done < size; ) {
      const read = readSync(file, bytes, done, size - done, done);
      if (read === 0) break;
      done += read;
    }
    return SecretBytes.own(buffer);
  } finally {
    closeSync(file);
  }
}
