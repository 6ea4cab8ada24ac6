import type { LogKey } from '../log-store.js';
import { parseUtf8 } from '../offline/bytes.js';
import { nodePrimitives } from '../offline/node-primitives.js';
import { parseVerifierKey, type VerifierKey } from '../offline/verifier-key.js';

/**
 * The keys of a log as they are published: verifier keys (C2SP signed-note), newest first, each with a
 * line feed. Of stored keys, which come oldest first.
 *
 * ```text
 * lethe.example.com/log+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW
 * ```
 */
export function printKeyList(keys: readonly LogKey[]): string {
  return keys
    .map(({ vkey }) => `${vkey}\n`)
    .reverse()
    .join('');
}

/** Reads what {@link printKeyList} writes; undefined when a line is no key of a log. */
export async function parseKeyList(bytes: Uint8Array): Promise<readonly VerifierKey[] | undefined> {
  const text = parseUtf8(bytes);
  if (text?.endsWith('\n') !== true) return undefined;
  const keys: VerifierKey[] = [];
  for (const line of text.slice(0, -1).split('\n')) {
    const key = await parseVerifierKey(nodePrimitives, line);
    if (key?.type !== 'log') return undefined;
    keys.push(key);
  }
  return keys;
}
