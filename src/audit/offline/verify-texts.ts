import { parsePolicy } from './policy.js';
import type { Primitives } from './primitives.js';
import type { ReceiptReport } from './receipt-report.js';
import { type KeyType, parseVerifierKey, type VerifierKey } from './verifier-key.js';
import { verifyReceipt } from './verify-receipt.js';

/** A receipt, and what to verify it against, all as text. */
export interface ReceiptTexts {
  /** Compact JWS: the member `receipt` of an answer or a webhook. */
  readonly receipt: string;
  /** Verifier keys of the log (C2SP signed-note); the logs of the policy are trusted besides. */
  readonly logKeys: readonly string[];
  /** Verifier keys of witnesses (C2SP tlog-cosignature): every one of them must have cosigned. */
  readonly witnesses?: readonly string[] | undefined;
  /** A C2SP tlog-policy: its quorum must have cosigned. */
  readonly policy?: string | undefined;
  /** The signed note of an earlier or later checkpoint of the log. */
  readonly keptCheckpoint?: string | undefined;
  /** The uuid of the subject that the receipt should be about. */
  readonly subject?: string | undefined;
}

/**
 * Verifies a receipt as `verifyReceipt` does. Throws a TypeError for a key that is none, or when no log
 * key is given, and a PolicyError for a policy that is none: these say nothing of the receipt.
 */
export async function verifyTexts(
  primitives: Primitives,
  texts: ReceiptTexts,
): Promise<ReceiptReport> {
  const { receipt, keptCheckpoint, subject } = texts;
  const policy =
    texts.policy === undefined ? undefined : await parsePolicy(primitives, texts.policy);
  const logKeys = [
    ...(await readKeys(primitives, 'log', texts.logKeys)),
    ...(policy?.logs ?? []).map(({ key }) => key),
  ];
  if (logKeys.length === 0)
    throw new TypeError('a receipt needs at least one log key to verify it');
  const witnesses = await readKeys(primitives, 'witness', texts.witnesses ?? []);
  const expectation = { receipt, logKeys, witnesses, policy, keptCheckpoint, subject };
  return await verifyReceipt(primitives, expectation);
}

async function readKeys(
  primitives: Primitives,
  type: KeyType,
  vkeys: readonly string[],
): Promise<readonly VerifierKey[]> {
  return await Promise.all(
    vkeys.map(async (vkey) => {
      const key = await parseVerifierKey(primitives, vkey);
      if (key?.type === type) return key;
      throw new TypeError(`${JSON.stringify(vkey)} is not the verifier key of a ${type}`);
    }),
  );
}
