import { extend } from '../../src/audit/chain.js';
import type { VerificationKeys } from '../../src/audit/checkpoint.js';
import type { AuditEntry } from '../../src/audit/entry.js';
import { parseKeys } from '../../src/audit/keys.js';
import { checkpointLine, recordLine } from '../../src/audit/log-line.js';
import type { Checkpoint } from '../../src/audit/log-store.js';
import { type Expectation, type LogReport, verifyLog } from '../../src/audit/verify.js';
import { SecretBytes } from '../../src/crypto/secret-bytes.js';
import { type SigningKey, signingKeyFromSeed } from '../../src/crypto/signing-key.js';

const START_MS = Date.UTC(2026, 2, 1, 10);

/** The same key for the same number. */
export function testKey(number = 1): SigningKey {
  return signingKeyFromSeed(SecretBytes.take(new Uint8Array(32).fill(number)));
}

export function publicKeys(...keys: readonly SigningKey[]): VerificationKeys {
  const parsed = parseKeys(JSON.stringify({ keys: keys.map(({ publicJwk }) => publicJwk) }));
  if (parsed === undefined) throw new Error('the keys do not parse');
  return parsed;
}

export function entryAt(index: number, more: Partial<AuditEntry> = {}): AuditEntry {
  const at = new Date(START_MS + index).toISOString();
  return { v: 1, at, op: 'VERIFY', outcome: 'created', tenantId: 'demo', ...more };
}

/** An exported log: a batch for each list of entries. */
export function exported(
  batches: readonly (readonly AuditEntry[])[],
  key: SigningKey = testKey(),
): { lines: string[]; heads: Checkpoint[] } {
  const lines: string[] = [];
  const heads: Checkpoint[] = [];
  for (const entries of batches) {
    const pending = entries.map((entry, index) => ({ entryId: String(index), entry }));
    const nowMs = START_MS + heads.length;
    const { records, checkpoint } = extend(heads.at(-1), pending, { key, nowMs });
    lines.push(...records.map(recordLine), checkpointLine(checkpoint));
    heads.push(checkpoint);
  }
  return { lines, heads };
}

/** Five entries under three checkpoints: lines 3, 5 and 8. */
export function sampleBatches(): AuditEntry[][] {
  return [
    [entryAt(0), entryAt(1, { outcome: 'refused', code: 'UNAUTHENTICATED' })],
    [entryAt(2, { op: 'DELETE', subject: 'A'.repeat(43) })],
    [entryAt(3), entryAt(4)],
  ];
}

export async function verifyText(
  text: string | Uint8Array,
  expectation: Partial<Expectation> = {},
): Promise<LogReport> {
  const bytes = typeof text === 'string' ? Buffer.from(text) : text;
  return await verifyLog([bytes], { keys: publicKeys(testKey()), ...expectation });
}

export async function verifyLines(
  lines: readonly string[],
  expectation: Partial<Expectation> = {},
): Promise<LogReport> {
  return await verifyText(lines.map((line) => `${line}\n`).join(''), expectation);
}

/** `line:CODE` of every problem. */
export function found(report: LogReport): string[] {
  return report.problems.map(({ line, code }) => `${String(line)}:${code}`);
}
