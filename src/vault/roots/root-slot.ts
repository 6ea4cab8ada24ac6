import { equalBytes } from '../../crypto/compare.js';
import { sha256 } from '../../crypto/hash.js';
import { SecretBytes } from '../../crypto/secret-bytes.js';
import { base64url, parseBase64url, utf8 } from '../../lib/bytes.js';
import { ROOT_ID_BYTES } from '../key-name.js';

/** One slot of a root store: a whole page, of which the first 96 bytes mean something. */
export const SLOT_BYTES = 4096;
export const SHARE_BYTES = 32;

const MAGIC = utf8('LETHERT1');
const ROOT_ID_AT = 8;
const SHARE_COUNT_AT = 16;
const SHARE_INDEX_AT = 17;
const EPOCH_AT = 18;
const ESCROWED_UNTIL_AT = 24;
const SHARE_AT = 32;
const DIGEST_AT = 64;
const DIGEST_BYTES = 32;
const PADDING = new Uint8Array(SLOT_BYTES - DIGEST_AT - DIGEST_BYTES);

/** One share of a root, at one epoch. */
export interface RootSlot {
  /** 8 bytes, base64url: the same in every share of a root, at every epoch. */
  readonly rootId: string;
  /** How many shares the root of this epoch has, 1 to 255, and which one this is, from 0. */
  readonly shareCount: number;
  readonly shareIndex: number;
  /** Below 2^48. Rises by at least one with every erasure. */
  readonly epoch: number;
  /** Until when a copy of a root of this or an earlier epoch is allowed to exist elsewhere; 0 for never. */
  readonly escrowedUntilMs: number;
  /** 32 random bytes, new at every epoch. */
  readonly share: SecretBytes;
}

/*
 * A slot, 4096 bytes, numbers big-endian:
 *
 *   offset  bytes  what                              example (hex)
 *        0      8  magic "LETHERT1"                  4c 45 54 48 45 52 54 31
 *        8      8  root id                           ab cd ef 12 34 56 78 90
 *       16      1  how many shares the root has      02
 *       17      1  which share this is, from 0       01
 *       18      6  epoch                             00 01 00 00 00 2a
 *       24      8  escrowed until, Unix ms, or 0     00 00 01 a1 ee 56 5e 00
 *       32     32  share                             a0 a1 a2 …
 *       64     32  SHA-256 of the 64 bytes before    ce 8c 40 …
 *       96   4000  zeros
 *
 * The whole example is in test/vectors/vault-formats.json.
 *
 * All that means something lies in the first sector of 512 bytes: a write that is torn between
 * sectors leaves the slot as it was, makes it whole, or leaves none, but never makes another one.
 */

/** The 4096 bytes of a slot; the caller wipes them. Throws RangeError for what no slot can say. */
export function printSlot(slot: RootSlot): SecretBytes {
  const rootId = parseBase64url(slot.rootId);
  if (rootId?.byteLength !== ROOT_ID_BYTES) throw new RangeError('a root id has 8 bytes');
  if (!isInRange(slot)) throw new RangeError('an epoch, a share number or a time is out of range');
  const buffer = new ArrayBuffer(SLOT_BYTES);
  const bytes = new Uint8Array(buffer);
  const view = new DataView(buffer);
  bytes.set(MAGIC);
  bytes.set(rootId, ROOT_ID_AT);
  view.setUint16(EPOCH_AT, slot.epoch / 2 ** 32);
  view.setUint32(EPOCH_AT + 2, slot.epoch % 2 ** 32);
  view.setUint8(SHARE_COUNT_AT, slot.shareCount);
  view.setUint8(SHARE_INDEX_AT, slot.shareIndex);
  view.setBigUint64(ESCROWED_UNTIL_AT, BigInt(slot.escrowedUntilMs));
  slot.share.use((share) => {
    if (share.byteLength !== SHARE_BYTES) throw new RangeError('a share has 32 bytes');
    bytes.set(share, SHARE_AT);
  });
  bytes.set(sha256(bytes.subarray(0, DIGEST_AT)), DIGEST_AT);
  return SecretBytes.own(buffer);
}

/** Undefined for anything but exactly what {@link printSlot} prints. The caller wipes the share. */
export function parseSlot(bytes: Uint8Array): RootSlot | undefined {
  if (bytes.byteLength !== SLOT_BYTES) return undefined;
  if (!MAGIC.every((byte, at) => bytes[at] === byte)) return undefined;
  const digestEnd = DIGEST_AT + DIGEST_BYTES;
  const digest = sha256(bytes.subarray(0, DIGEST_AT));
  if (!equalBytes(digest, bytes.subarray(DIGEST_AT, digestEnd))) return undefined;
  if (!equalBytes(bytes.subarray(digestEnd), PADDING)) return undefined;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const numbers = {
    shareCount: view.getUint8(SHARE_COUNT_AT),
    shareIndex: view.getUint8(SHARE_INDEX_AT),
    epoch: view.getUint16(EPOCH_AT) * 2 ** 32 + view.getUint32(EPOCH_AT + 2),
    escrowedUntilMs: Number(view.getBigUint64(ESCROWED_UNTIL_AT)),
  };
  if (!isInRange(numbers)) return undefined;
  const rootId = base64url(bytes.subarray(ROOT_ID_AT, SHARE_COUNT_AT));
  return { rootId, ...numbers, share: shareIn(bytes) };
}

function isInRange(slot: Omit<RootSlot, 'rootId' | 'share'>): boolean {
  const { shareCount, shareIndex, epoch, escrowedUntilMs } = slot;
  const areWhole = [shareCount, shareIndex, epoch, escrowedUntilMs].every(
    (number) => Number.isSafeInteger(number) && number >= 0,
  );
  return areWhole && shareIndex < shareCount && shareCount < 2 ** 8 && epoch < 2 ** 48;
}

/** In a buffer of its own from the start: V8 would move a small array about, and leave copies. */
function shareIn(slot: Uint8Array): SecretBytes {
  const buffer = new ArrayBuffer(SHARE_BYTES);
  new Uint8Array(buffer).set(slot.subarray(SHARE_AT, DIGEST_AT));
  return SecretBytes.own(buffer);
}
