import { closeSync, constants, fdatasyncSync, openSync, readSync, writeSync } from 'node:fs';

/** A file of fixed size that is opened once and overwritten in place: never renamed, never made anew. */
export interface BlockFile {
  /** Bytes read: fewer than asked for at the end of the file. */
  read(into: Uint8Array, atByte: number): number;
  write(bytes: Uint8Array, atByte: number): void;
  /** Returns when everything written is on the disk. */
  sync(): void;
  close(): void;
}

/**
 * Opens a regular file, or makes an empty one for its owner alone. Refuses to follow a symbolic link.
 * The calls block: what waits for them may not go on anyway, and each takes well under a millisecond.
 */
export function openBlockFile(path: string, mode: 'existing' | 'new'): BlockFile {
  const { O_RDWR, O_NOFOLLOW, O_CREAT, O_EXCL } = constants;
  const flags = O_RDWR | O_NOFOLLOW | (mode === 'new' ? O_CREAT | O_EXCL : 0);
  const file = openSync(path, flags, 0o600);
  return {
    read: (into, atByte) => readSync(file, into, 0, into.byteLength, atByte),
    write: (bytes, atByte) => {
      for (let done = 0; done < bytes.byteLength; )
        done += writeSync(file, bytes, done, bytes.byteLength - done, atByte + done);
    },
    sync: () => {
      fdatasyncSync(file);
    },
    close: () => {
      closeSync(file);
    },
  };
}
