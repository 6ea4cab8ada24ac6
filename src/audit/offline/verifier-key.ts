import { base64, concat, hex, parseBase64, utf8 } from './bytes.js';
import { isKeyName } from './note.js';
import type { Primitives } from './primitives.js';

const NAME_LIMIT_BYTES = 255;
const KEY_ID_BYTES = 4;
const PUBLIC_KEY_BYTES = 32;

/** Signature types of C2SP signed-note: Ed25519, and Ed25519 with a time (C2SP tlog-cosignature). */
const TYPES = { log: 0x01, witness: 0x04 } as const;
const TYPE_OF = new Map<number, KeyType>([
  [TYPES.log, 'log'],
  [TYPES.witness, 'witness'],
]);
/** The name has no `+`, the base64 may. */
const VERIFIER_KEY = /^([^+]+)\+([0-9a-f]{8})\+([A-Za-z0-9+/]{44})$/u;

/** log: signs checkpoints and receipts; witness: cosigns checkpoints. */
export type KeyType = keyof typeof TYPES;

/**
 * An Ed25519 public key by its name (C2SP signed-note, verifier keys).
 *
 * ```text
 * example.com/log+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW
 * ```
 */
export interface VerifierKey {
  /** The key as text, as above: two keys are the same when their texts are. */
  readonly vkey: string;
  /** Of a log it is the origin of its checkpoints. At most 255 bytes. */
  readonly name: string;
  /** 8 hex digits: the first 4 bytes of SHA-256(name ‖ 0x0a ‖ type ‖ public key). */
  readonly keyId: string;
  readonly type: KeyType;
  /** 32 bytes (RFC 8032). */
  readonly publicKey: Uint8Array;
}

/** Reads exactly what {@link formatVerifierKey} writes; undefined for anything else. */
export async function parseVerifierKey(
  primitives: Primitives,
  text: string,
): Promise<VerifierKey | undefined> {
  const [, name = '', , encoded = ''] = VERIFIER_KEY.exec(text) ?? [];
  const bytes = parseBase64(encoded);
  const type = TYPE_OF.get(bytes?.[0] ?? 0);
  if (bytes === undefined || type === undefined || !isVerifierName(name)) return undefined;
  const key = await verifierKey(primitives, { name, type, publicKey: bytes.slice(1) });
  return key.vkey === text ? key : undefined;
}

/** The text of a key. Throws a TypeError when the name or the 32 bytes of the key are none. */
export async function formatVerifierKey(
  primitives: Primitives,
  key: Pick<VerifierKey, 'name' | 'type' | 'publicKey'>,
): Promise<string> {
  if (!isVerifierName(key.name) || key.publicKey.length !== PUBLIC_KEY_BYTES)
    throw new TypeError('a verifier key needs a name of at most 255 bytes and a key of 32');
  return (await verifierKey(primitives, key)).vkey;
}

async function verifierKey(
  primitives: Primitives,
  { name, type, publicKey }: Pick<VerifierKey, 'name' | 'type' | 'publicKey'>,
): Promise<VerifierKey> {
  const typed = concat(Uint8Array.of(TYPES[type]), publicKey);
  const hash = await primitives.sha256(concat(utf8(`${name}\n`), typed));
  const keyId = hex(hash.subarray(0, KEY_ID_BYTES));
  return { vkey: `${name}+${keyId}+${base64(typed)}`, name, keyId, type, publicKey };
}

function isVerifierName(name: string): boolean {
  return isKeyName(name) && !name.includes('\n') && utf8(name).length <= NAME_LIMIT_BYTES;
}
