import { sha256 } from '../crypto/hash.js';
import type { SigningKey } from '../crypto/signing-key.js';
import { base64url, parseBase64url } from '../lib/bytes.js';
import { canonicalJson } from '../lib/canonical-json.js';
import { signCheckpoint } from './checkpoint.js';
import type { PendingEntry } from './entry.js';
import type { Checkpoint, LogBatch, LogRecord } from './log-store.js';

/** Separates these hashes from every other use of SHA-256: 15 bytes. */
const TAG = 'lethe/audit/v1\0';

/** The hash before the first entry: 32 zero bytes, base64url. */
export const GENESIS_HASH = base64url(new Uint8Array(32));

/**
 * The hash of one link: 32 bytes, base64url. It is SHA-256 over
 *
 * | bytes | what |
 * |---|---|
 * | 15 | `lethe/audit/v1` in ASCII, then 0x00 |
 * | 8 | sequence number of the entry, unsigned big-endian |
 * | 32 | hash of the link before; zeros for sequence 0 |
 * | rest | the entry: its canonical JSON (RFC 8785) in UTF-8 |
 *
 * Example, sequence 0 with the entry
 * `{"at":"2026-03-01T10:00:00.000Z","op":"TENANT","outcome":"succeeded","tenantId":"demo","v":1}`:
 *
 * ```text
 * 6c657468652f61756469742f763100  0000000000000000  0000…0000  7b226174223a22…2276223a317d
 * SHA-256 -> LOWQhA5nr77IhL29-ZJbWLT2AjUfauVKOYec90uQYRg
 * ```
 *
 * The hash depends on the order of the entries alone, not on how they came in batches.
 */
export function linkHash(link: { sequence: number; previous: string; entry: string }): string {
  const sequence = Buffer.alloc(8);
  sequence.writeBigUInt64BE(BigInt(link.sequence));
  return base64url(sha256(TAG, sequence, hashBytes(link.previous), link.entry));
}

/**
 * Appends entries to the chain in their order and signs the new head. Pure: what it returns is not
 * in the log until the store has kept it. Throws a RangeError when there is nothing to append.
 */
export function extend(
  head: Pick<Checkpoint, 'size' | 'hash'> | undefined,
  pending: readonly PendingEntry[],
  deps: { key: SigningKey; nowMs: number },
): LogBatch {
  if (pending.length === 0) throw new RangeError('a batch of the audit log holds no entry');
  let { size, hash } = head ?? { size: 0, hash: GENESIS_HASH };
  const records = pending.map(({ entry: content }): LogRecord => {
    const entry = canonicalJson(content);
    const sequence = size;
    hash = linkHash({ sequence, previous: hash, entry });
    size += 1;
    return { sequence, entry, hash };
  });
  return { records, checkpoint: signCheckpoint(deps, { size, hash }) };
}

function hashBytes(hash: string): Uint8Array {
  const bytes = parseBase64url(hash);
  if (bytes?.byteLength !== 32) throw new RangeError('a hash of the audit log is malformed');
  return bytes;
}
