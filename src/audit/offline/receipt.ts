import { canonicalJson } from '../../lib/canonical-json.js';
import { base64url, parseBase64url, parseUtf8, utf8 } from './bytes.js';
import { areReceiptClaims } from './claims-form.js';
import type { ReceiptClaims } from './receipt-claims.js';

/** A receipt is at most this long: it travels in answers and webhooks. */
const RECEIPT_LIMIT_BYTES = 16_384;
const SIGNATURE_BYTES = 64;
const KEY_ID_IN_HEADER = /^\{"alg":"EdDSA","kid":"([0-9a-f]{8})",/;

/** A receipt in its parts; nothing is verified. */
export interface ParsedReceipt {
  /** Key id of the log key that signs it, 8 hex digits (`verifier-key.ts`). */
  readonly keyId: string;
  readonly claims: ReceiptClaims;
  /** Text of a C2SP tlog-proof (`tlog-proof.ts`). */
  readonly proof: string;
  /** What is signed. It has no line feed, so it is never the text of a note. */
  readonly signingInput: string;
  /** Ed25519, 64 bytes. */
  readonly signature: Uint8Array;
}

/**
 * The protected header.
 *
 * ```text
 * {"alg":"EdDSA","kid":"c74f20a3","typ":"erasure-receipt+jws"}
 * ```
 */
export function receiptHeader(keyId: string): string {
  return canonicalJson({ alg: 'EdDSA', kid: keyId, typ: 'erasure-receipt+jws' });
}

/** The payload: canonical JSON (RFC 8785) of the claims and the member `proof`. */
export function receiptPayload(claims: ReceiptClaims, proof: string): string {
  return canonicalJson({ ...claims, proof });
}

/** What the log key signs (RFC 7515 §5.1); behind it follow a dot and the signature in base64url. */
export function signingInput(header: string, payload: string): string {
  return `${base64url(utf8(header))}.${base64url(utf8(payload))}`;
}

/**
 * Reads a receipt, a compact JWS (RFC 7515 §3.1, RFC 8037) of at most 16 KiB; undefined when it is not
 * exactly one as Lethe writes it: one spelling of every part, no unknown members.
 */
export function parseReceipt(compact: string): ParsedReceipt | undefined {
  if (compact.length > RECEIPT_LIMIT_BYTES) return undefined;
  const [header, payload, signature, ...surplus] = compact.split('.').map(parseBase64url);
  if (header === undefined || payload === undefined || surplus.length > 0) return undefined;
  const keyId = parseHeader(header);
  const content = parsePayload(payload);
  if (keyId === undefined || content === undefined) return undefined;
  if (signature?.length !== SIGNATURE_BYTES) return undefined;
  const input = compact.slice(0, compact.lastIndexOf('.'));
  return { keyId, ...content, signingInput: input, signature };
}

function parseHeader(bytes: Uint8Array): string | undefined {
  const text = parseUtf8(bytes) ?? '';
  const [, keyId = ''] = KEY_ID_IN_HEADER.exec(text) ?? [];
  return text === receiptHeader(keyId) && keyId !== '' ? keyId : undefined;
}

function parsePayload(bytes: Uint8Array): Pick<ParsedReceipt, 'claims' | 'proof'> | undefined {
  const text = parseUtf8(bytes) ?? '';
  try {
    const { proof, ...claims } = JSON.parse(text) as Record<string, unknown>;
    if (typeof proof !== 'string' || !areReceiptClaims(claims)) return undefined;
    return receiptPayload(claims, proof) === text ? { claims, proof } : undefined;
  } catch {
    return undefined;
  }
}
