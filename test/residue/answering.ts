import { createHash } from 'node:crypto';
import { readSync, writeSync } from 'node:fs';
import type { SecretBytes } from '../../src/crypto/secret-bytes.js';
import type { Tombstones } from './scanner.js';

const LINE_BYTES = 256;

/** What a {@link Tombstones} says of a key that is still there; makes no copy of it. */
export function keyTombstone(key: SecretBytes): string {
  return key.use((bytes) => createHash('sha256').update('dc').update(bytes).digest('base64url'));
}

/** The same of a root. */
export function rootTombstone(root: SecretBytes): string {
  return root.use((bytes) => createHash('sha256').update('rc').update(bytes).digest('base64url'));
}

type Operation = () => Tombstones | Promise<Tombstones>;

/**
 * The other side of `probe.ts`: each line of standard input names an operation and how often to do
 * it. Between answer and line the process stands still, because it reads synchronously.
 */
export async function answer(operations: Readonly<Record<string, Operation>>): Promise<void> {
  for (let line = readLine(); line !== ''; line = readLine()) {
    const [name = '', times] = line.split(' ');
    const operation = operations[name];
    if (operation === undefined) throw new Error(`there is no operation ${name}`);
    writeAll(Buffer.from(`${JSON.stringify(await repeat(operation, Number(times)))}\n`));
  }
}

async function repeat(operation: Operation, times: number): Promise<Tombstones> {
  const retiredRoots: string[] = [];
  const destroyedKeys: string[] = [];
  for (let done = 0; done < times; done += 1) {
    const made = await operation();
    retiredRoots.push(...made.retiredRoots);
    destroyedKeys.push(...made.destroyedKeys);
  }
  return { retiredRoots, destroyedKeys };
}

function readLine(): string {
  const line = new Uint8Array(LINE_BYTES);
  const lengthBytes = readSync(0, line);
  return Buffer.from(line.buffer, 0, lengthBytes).toString().trim();
}

/** Standard output is a socket, which takes what it has room for. */
function writeAll(bytes: Uint8Array): void {
  for (let done = 0; done < bytes.byteLength; ) {
    try {
      done += writeSync(1, bytes, done);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EAGAIN') throw error;
    }
  }
}
