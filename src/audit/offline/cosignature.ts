import { concat, utf8 } from './bytes.js';

const TIME_BYTES = 8;
const SIGNATURE_BYTES = 64;

/** What a witness signs with, and when: the signature of its line in a note (C2SP tlog-cosignature). */
export interface TimestampedSignature {
  /** Unix seconds; at most 2^53 - 1. */
  readonly timeSeconds: number;
  /** Ed25519 (RFC 8032) over {@link cosignedMessage}, 64 bytes. */
  readonly signature: Uint8Array;
}

/**
 * The bytes that a witness signs: that at this time it had seen no larger tree of the log, and that
 * this one continues all that it had seen.
 *
 * ```text
 * cosignature/v1
 * time 1679315147
 * example.com/log
 * 20852163
 * CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=
 * ```
 */
export function cosignedMessage(timeSeconds: number, noteText: string): Uint8Array {
  return utf8(`cosignature/v1\ntime ${timeSeconds}\n${noteText}`);
}

/** 72 bytes: the time, 8 bytes big-endian, then the signature. */
export function timestampedSignatureBytes(signed: TimestampedSignature): Uint8Array {
  const time = new Uint8Array(TIME_BYTES);
  new DataView(time.buffer).setBigUint64(0, BigInt(signed.timeSeconds));
  return concat(time, signed.signature);
}

/** Reads exactly what {@link timestampedSignatureBytes} writes; undefined for anything else. */
export function parseTimestampedSignature(bytes: Uint8Array): TimestampedSignature | undefined {
  if (bytes.length !== TIME_BYTES + SIGNATURE_BYTES) return undefined;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const timeSeconds = Number(view.getBigUint64(0));
  if (!Number.isSafeInteger(timeSeconds)) return undefined;
  return { timeSeconds, signature: bytes.slice(TIME_BYTES) };
}
