import { hmacSha256 } from '../crypto/hash.js';
import type { SecretBytes } from '../crypto/secret-bytes.js';
import { base64url, parseBase64url } from '../lib/bytes.js';

/** Bytes of a key id: enough that no two keys have the same one. */
export const KEY_ID_BYTES = 16;
/** Bytes of a root id: tells the roots of one installation apart. */
export const ROOT_ID_BYTES = 8;

/** A slot number is below this: 64 × 64 × 64 slots to a tree. */
export const TREE_SLOTS = 262_144;
/** A tree number is below this; 0 is the directory. */
const MAX_TREES = 2 ** 32;

const FORM = /^(?<rootId>[^.]+)\.(?<tree>\d+)\.(?<slot>\d+)\.(?<keyId>[^.]+)$/;

/** Where an enrolment key stands, and which one it is: slots are used again, key ids are not. */
export interface KeyName {
  /** 8 bytes, base64url. */
  readonly rootId: string;
  readonly tree: number;
  readonly slot: number;
  /** 16 bytes, base64url: {@link keyIdOf} the key. */
  readonly keyId: string;
}

/**
 * Names a key of 32 bytes without telling it: HMAC-SHA-256(key, "kid"), its first 16 bytes. Nobody
 * finds a second key of the same id, so the id also says which key opens what was sealed (AES-GCM
 * alone does not).
 */
export function keyIdOf(key: SecretBytes): Uint8Array {
  return hmacSha256(key, 'kid').subarray(0, KEY_ID_BYTES);
}

/** `rootId.tree.slot.keyId`, e.g. `q83vEjRWeJA.1.70.AAECAwQFBgcICQoLDA0ODw`; the `keyId` of an enrolment. */
export function printKeyName({ rootId, tree, slot, keyId }: KeyName): string {
  return `${rootId}.${tree.toString()}.${slot.toString()}.${keyId}`;
}

/** Undefined when the text is not exactly what {@link printKeyName} prints. */
export function parseKeyName(text: string): KeyName | undefined {
  const parts = FORM.exec(text)?.groups as Record<keyof KeyName, string> | undefined;
  if (parts === undefined) return undefined;
  const { rootId, keyId } = parts;
  const name = { rootId, tree: Number(parts.tree), slot: Number(parts.slot), keyId };
  const hasBytes =
    parseBase64url(rootId)?.byteLength === ROOT_ID_BYTES &&
    parseBase64url(keyId)?.byteLength === KEY_ID_BYTES;
  const isInRange = name.tree > 0 && name.tree < MAX_TREES && name.slot < TREE_SLOTS;
  return hasBytes && isInRange && printKeyName(name) === text ? name : undefined;
}

/** The id of a key as it stands in names. */
export function keyIdText(key: SecretBytes): string {
  return base64url(keyIdOf(key));
}
