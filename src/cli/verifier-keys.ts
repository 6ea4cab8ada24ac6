import { nodePrimitives } from '../audit/offline/node-primitives.js';
import { type Policy, PolicyError, parsePolicy } from '../audit/offline/policy.js';
import { type KeyType, parseVerifierKey, type VerifierKey } from '../audit/offline/verifier-key.js';
import { UsageError } from './command.js';
import { readText } from './read-text.js';

/**
 * The keys that an argument gives: verifier keys themselves, or a file with them, one a line. Throws
 * {@link UsageError}.
 */
export async function readVerifierKeys(
  type: KeyType,
  given: string,
): Promise<readonly VerifierKey[]> {
  if (/^[^+]+\+[0-9a-f]{8}\+/.test(given)) return await parseKeys(type, { text: given });
  return await parseKeys(type, { text: readText(given), file: given });
}

/** The policy in a file (C2SP tlog-policy). Throws {@link UsageError}. */
export async function readPolicy(file: string): Promise<Policy> {
  try {
    return await parsePolicy(nodePrimitives, readText(file));
  } catch (error) {
    if (error instanceof PolicyError) throw new UsageError(`${file}: ${error.message}`);
    throw error;
  }
}

async function parseKeys(
  type: KeyType,
  { text, file }: { text: string; file?: string },
): Promise<readonly VerifierKey[]> {
  const keys: VerifierKey[] = [];
  for (const [index, line] of text.split('\n').entries()) {
    if (line.trim() === '') continue;
    const key = await parseVerifierKey(nodePrimitives, line.trim());
    const place = file === undefined ? line.trim() : `line ${index + 1} of ${file}`;
    if (key?.type !== type) throw new UsageError(`${place} is not the verifier key of a ${type}`);
    keys.push(key);
  }
  if (keys.length === 0) throw new UsageError(`${file ?? 'the text'} holds no verifier key`);
  return keys;
}
