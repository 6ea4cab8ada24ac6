import {
  createHmac,
  createPublicKey,
  type KeyObject,
  timingSafeEqual,
  verify as verifySignature,
} from 'node:crypto';

/*
 * For those who receive webhooks: `import { verify } from 'lethe/webhook'`. Needs nothing of the service.
 */

const TOLERANCE_SECONDS = 300;
const KEY_BYTES = 32;
/** More than a tenant has secrets and a service keys, while both rotate. */
const MOST_SIGNATURES = 16;

const SENTENCES = {
  HEADER_MISSING:
    'A header is missing: webhook-id, webhook-timestamp and webhook-signature are needed.',
  HEADER_MALFORMED: 'A header does not have the form of Standard Webhooks.',
  TOO_OLD: 'The webhook was sent longer ago than is tolerated: it may be a replay.',
  TOO_NEW: 'The webhook says that it was sent in the future: compare the clocks.',
  SIGNATURE_INVALID: 'No signature fits the body and the keys given.',
  BODY_MALFORMED: 'The body is signed, but it is no JSON object in UTF-8.',
} as const;

/** Why a webhook was refused. */
export type WebhookProblemCode = keyof typeof SENTENCES;

/** A webhook that must not be acted on. Answer it with 400, so that a human looks. */
export class WebhookError extends Error {
  override readonly name = 'WebhookError';
  readonly code: WebhookProblemCode;

  constructor(code: WebhookProblemCode) {
    super(SENTENCES[code]);
    this.code = code;
  }
}

/** What vouches for a webhook: one fitting key is enough. */
export interface WebhookKeys {
  /** `whsec_…`: the secret of the tenant; while it rotates, both. */
  readonly secrets?: readonly string[];
  /** `whpk_…`: public keys of the service. */
  readonly publicKeys?: readonly string[];
}

export interface WebhookOptions {
  /** How far the time of sending may be from now, in either direction; 300 when absent. */
  readonly toleranceSeconds?: number;
  /** Unix ms; the time of the system when absent. */
  readonly nowMs?: number;
  /**
   * Whether the webhook with this id was acted on already. Record the id together with what you do, and
   * not before: then a crash in between makes nothing lost and nothing twice.
   */
  readonly isKnown?: (webhookId: string) => boolean | Promise<boolean>;
}

/** A webhook that is what the service sent. */
export interface VerifiedWebhook {
  /** The same in every attempt. */
  readonly webhookId: string;
  readonly sentAtMs: number;
  /** It was acted on already: answer 2xx and do nothing. */
  readonly isDuplicate: boolean;
  /** The body, parsed. */
  readonly event: Readonly<Record<string, unknown>>;
}

/** Headers as Node, Express or fetch give them. */
export type WebhookHeaders =
  | { get(name: string): string | null }
  | Readonly<Record<string, string | readonly string[] | undefined>>;

/**
 * Checks a webhook as a receiver should (Standard Webhooks 1.0.0): the exact bytes of the body against
 * `v1` (HMAC-SHA-256) or `v1a` (Ed25519), the time of sending, and, with `isKnown`, whether it came
 * before. Throws {@link WebhookError}, and a TypeError for keys that are none.
 *
 * Give it the bytes as they arrived: a body that was parsed and printed again does not verify.
 */
export async function verify(
  headers: WebhookHeaders,
  body: Uint8Array,
  keys: WebhookKeys,
  options: WebhookOptions = {},
): Promise<VerifiedWebhook> {
  const { nowMs = Date.now(), toleranceSeconds = TOLERANCE_SECONDS } = options;
  const checks = signatureChecks(keys);
  const webhookId = header(headers, 'webhook-id');
  const timestamp = header(headers, 'webhook-timestamp');
  const signatures = header(headers, 'webhook-signature').split(' ').slice(0, MOST_SIGNATURES);
  if (!/^[\w.-]{1,256}$/.test(webhookId) || !/^\d{1,11}$/.test(timestamp))
    throw new WebhookError('HEADER_MALFORMED');
  const signed = Buffer.concat([Buffer.from(`${webhookId}.${timestamp}.`), body]);
  if (!signatures.some((signature) => checks.some((isRight) => isRight(signature, signed))))
    throw new WebhookError('SIGNATURE_INVALID');
  const ageSeconds = nowMs / 1_000 - Number(timestamp);
  if (ageSeconds > toleranceSeconds) throw new WebhookError('TOO_OLD');
  if (ageSeconds < -toleranceSeconds) throw new WebhookError('TOO_NEW');
  const event = parseBody(body);
  const isDuplicate = (await options.isKnown?.(webhookId)) ?? false;
  return { webhookId, sentAtMs: Number(timestamp) * 1_000, isDuplicate, event };
}

type SignatureCheck = (signature: string, signed: Uint8Array) => boolean;

function signatureChecks({
  secrets = [],
  publicKeys = [],
}: WebhookKeys): readonly SignatureCheck[] {
  const checks = [...secrets.map(secretCheck), ...publicKeys.map(publicKeyCheck)];
  if (checks.length === 0)
    throw new TypeError('give at least one whsec_ secret or whpk_ public key');
  return checks;
}

function secretCheck(text: string): SignatureCheck {
  const secret = keyBytes(text, 'whsec_');
  return (signature, signed) => {
    const [version, given = ''] = signature.split(',');
    const expected = createHmac('sha256', secret).update(signed).digest();
    const bytes = Buffer.from(given, 'base64');
    return version === 'v1' && bytes.length === expected.length && timingSafeEqual(bytes, expected);
  };
}

function publicKeyCheck(text: string): SignatureCheck {
  const key = ed25519Key(keyBytes(text, 'whpk_'));
  return (signature, signed) => {
    const [version, given = ''] = signature.split(',');
    const bytes = Buffer.from(given, 'base64');
    return version === 'v1a' && bytes.length === 64 && verifySignature(null, signed, key, bytes);
  };
}

function keyBytes(text: string, prefix: string): Buffer {
  const bytes = Buffer.from(text.slice(prefix.length), 'base64');
  if (!text.startsWith(prefix) || bytes.length !== KEY_BYTES)
    throw new TypeError(`a key must be ${prefix} and the base64 of 32 bytes`);
  return bytes;
}

function ed25519Key(bytes: Buffer): KeyObject {
  const jwk = { kty: 'OKP', crv: 'Ed25519', x: bytes.toString('base64url') };
  return createPublicKey({ key: jwk, format: 'jwk' });
}

function header(headers: WebhookHeaders, name: string): string {
  const value = typeof headers.get === 'function' ? headers.get(name) : valueOf(headers, name);
  if (value === undefined || value === null || value === '')
    throw new WebhookError('HEADER_MISSING');
  // Which of two values was signed, nobody can say.
  if (typeof value !== 'string') throw new WebhookError('HEADER_MALFORMED');
  return value;
}

function valueOf(headers: WebhookHeaders, name: string): unknown {
  return Object.entries(headers).find(([known]) => known.toLowerCase() === name)?.[1];
}

function parseBody(body: Uint8Array): VerifiedWebhook['event'] {
  try {
    const event: unknown = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(body));
    if (typeof event === 'object' && event !== null && !Array.isArray(event)) return { ...event };
  } catch {
    // As below.
  }
  throw new WebhookError('BODY_MALFORMED');
}
