import { type Policy, PolicyError, parsePolicy } from '../audit/offline/policy.js';
import { parseVerifierKey, type VerifierKey } from '../audit/offline/verifier-key.js';
import { webPrimitives } from '../audit/offline/web-primitives.js';
import { element } from './page.js';
import { EntryProblem, textOf } from './verify-fields.js';

/** What the person wants to have checked, and against what. */
export interface Entries {
  /** Compact JWS. */
  readonly receipt: string;
  readonly logKeys: readonly VerifierKey[];
  /** The keys are exactly those that the service filled in. */
  readonly areKeysFromService: boolean;
  readonly policy?: Policy;
  readonly subject?: string;
}

/** Reads the form. Throws an EntryProblem for the first field that cannot be used. */
export async function readEntries(): Promise<Entries> {
  const receipt = receiptIn(textOf('receipt'));
  const policy = await policyIn(textOf('policy'));
  const named = policy?.logs.map(({ key }) => key) ?? [];
  const subject = element<HTMLInputElement>('subject').value.trim();
  const keys = element<HTMLTextAreaElement>('keys');
  return {
    receipt,
    logKeys: named.length > 0 ? named : await keysIn(textOf('keys')),
    areKeysFromService: named.length === 0 && keys.value === keys.defaultValue,
    ...(policy !== undefined && { policy }),
    ...(subject !== '' && { subject }),
  };
}

/** The receipt itself, or the member `receipt` of the JSON of an answer or a webhook. */
function receiptIn(text: string): string {
  const content = text.trim();
  // What was pasted from a mail may have been broken into lines.
  if (!content.startsWith('{')) return content.replace(/\s+/g, '');
  const receipt = memberOf(content);
  if (receipt !== undefined) return receipt;
  throw new EntryProblem('receipt', 'This is no receipt, and no JSON with a text "receipt".');
}

function memberOf(json: string): string | undefined {
  try {
    const { receipt } = JSON.parse(json) as { receipt?: unknown };
    return typeof receipt === 'string' ? receipt : undefined;
  } catch {
    return undefined;
  }
}

async function policyIn(text: string): Promise<Policy | undefined> {
  if (text.trim() === '') return undefined;
  try {
    return await parsePolicy(webPrimitives, text);
  } catch (error) {
    if (!(error instanceof PolicyError)) throw error;
    throw new EntryProblem('policy', `The policy cannot be used: ${error.message}`);
  }
}

async function keysIn(text: string): Promise<readonly VerifierKey[]> {
  const lines = text.split('\n').map((line) => line.trim());
  const keys: VerifierKey[] = [];
  for (const [index, line] of lines.entries()) {
    if (line === '') continue;
    const key = await parseVerifierKey(webPrimitives, line);
    if (key?.type !== 'log')
      throw new EntryProblem('keys', `Line ${index + 1} is not the key of a log.`);
    keys.push(key);
  }
  if (keys.length > 0) return keys;
  throw new EntryProblem('keys', 'Without a key of the log nothing can be checked.');
}
