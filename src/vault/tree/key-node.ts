import { createCipheriv, randomFillSync } from 'node:crypto';
import { decryptUnchecked } from '../../crypto/decrypt.js';
import { openSecret, SealBroken } from '../../crypto/seal.js';
import { SecretBytes } from '../../crypto/secret-bytes.js';
import { base64url, parseBase64url, utf8 } from '../../lib/bytes.js';
import { KEY_ID_BYTES, keyIdOf, ROOT_ID_BYTES } from '../key-name.js';

/** Keys in a node. */
export const FAN_OUT = 64;
export const KEY_BYTES = 32;
export const NODE_PLAINTEXT_BYTES = FAN_OUT * KEY_BYTES;

const MAGIC = utf8('LKN1');
const IV_BYTES = 12;
const TAG_BYTES = 16;
const BLOCK_BYTES = 16;
const ROOT_ID_AT = MAGIC.byteLength;
const TREE_AT = ROOT_ID_AT + ROOT_ID_BYTES;
const LEVEL_AT = TREE_AT + 4;
const INDEX_AT = LEVEL_AT + 1;
const KEY_ID_AT = INDEX_AT + 4;
/** Where the IV begins; all before it is the associated data of the seal. */
export const NODE_HEADER_BYTES = KEY_ID_AT + KEY_ID_BYTES;
const CIPHERTEXT_AT = NODE_HEADER_BYTES + IV_BYTES;
const TAG_AT = CIPHERTEXT_AT + NODE_PLAINTEXT_BYTES;
/** Length of every sealed node. */
export const SEALED_NODE_BYTES = TAG_AT + TAG_BYTES;

/** Where a node stands: level 0 holds enrolment keys (in tree 0, the directory: keys of trees). */
export interface NodePlace {
  readonly tree: number;
  readonly level: number;
  readonly index: number;
}

/** What a sealed node says openly. */
export interface NodeHeader extends NodePlace {
  /** 8 bytes, base64url. */
  readonly rootId: string;
  /** Id of the key that opens it, 16 bytes. */
  readonly keyId: Uint8Array;
}

/*
 * A sealed node, 2113 bytes, numbers big-endian:
 *
 *   offset  bytes  what                                      example (hex)
 *        0      4  magic "LKN1"                              4c 4b 4e 31
 *        4      8  root id                                   ab cd ef 12 34 56 78 90
 *       12      4  tree, 0 is the directory                  00 00 00 01
 *       16      1  level, 0 is a leaf                        00
 *       17      4  index among the nodes of its level        00 00 00 05
 *       21     16  key id: HMAC-SHA-256(node key, "kid")     93 30 07 …
 *       37     12  IV, random                                c9 17 ce …
 *       49   2048  ciphertext of 64 keys of 32 bytes; 32 zeros are an empty entry
 *     2097     16  tag                                       1c cf 73 …
 *
 * The whole example is in test/vectors/vault-formats.json.
 *
 * AES-256-GCM (NIST SP 800-38D); the associated data are the 37 bytes before the IV.
 */

/** Seals 64 keys (2048 bytes) under the key of the node. */
export function sealNode(
  key: SecretBytes,
  node: { rootId: string; place: NodePlace; entries: SecretBytes },
): Uint8Array {
  const sealed = new Uint8Array(SEALED_NODE_BYTES);
  writeHeader(sealed, { rootId: node.rootId, ...node.place, keyId: keyIdOf(key) });
  const iv = sealed.subarray(NODE_HEADER_BYTES, CIPHERTEXT_AT);
  randomFillSync(iv);
  const cipher = key.use((bytes) => createCipheriv('aes-256-gcm', bytes, iv));
  cipher.setAAD(sealed.subarray(0, NODE_HEADER_BYTES));
  sealed.set(
    node.entries.use((entries) => cipher.update(entries)),
    CIPHERTEXT_AT,
  );
  cipher.final();
  sealed.set(cipher.getAuthTag(), TAG_AT);
  return sealed;
}

/** Opens a sealed node into its 2048 bytes of keys. Throws SealBroken for any other key or bytes. */
export function openNode(key: SecretBytes, sealed: Uint8Array): SecretBytes {
  if (!isNode(sealed)) throw new SealBroken('these bytes are not a sealed node');
  const aad = sealed.subarray(0, NODE_HEADER_BYTES);
  return openSecret(key, { sealed: sealed.subarray(NODE_HEADER_BYTES), aad });
}

/**
 * One key of a node, without a look at the rest and without checking the seal: in a node that
 * somebody changed it is some other key, which opens nothing. Undefined for bytes that are no node.
 */
export function peekEntry(
  key: SecretBytes,
  sealed: Uint8Array,
  entry: number,
): SecretBytes | undefined {
  if (!isNode(sealed)) return undefined;
  const at = CIPHERTEXT_AT + entry * KEY_BYTES;
  const ciphertext = sealed.subarray(at, at + KEY_BYTES);
  const iv = sealed.subarray(NODE_HEADER_BYTES, CIPHERTEXT_AT);
  const fromBlock = (entry * KEY_BYTES) / BLOCK_BYTES;
  const bytes = decryptUnchecked(key, { iv, ciphertext, fromBlock });
  return SecretBytes.own(bytes.buffer as ArrayBuffer);
}

/** Reads the header; undefined for bytes that are not a whole sealed node. */
export function parseNode(sealed: Uint8Array): NodeHeader | undefined {
  if (!isNode(sealed)) return undefined;
  const view = new DataView(sealed.buffer, sealed.byteOffset, sealed.byteLength);
  return {
    rootId: base64url(sealed.subarray(ROOT_ID_AT, TREE_AT)),
    tree: view.getUint32(TREE_AT),
    level: view.getUint8(LEVEL_AT),
    index: view.getUint32(INDEX_AT),
    keyId: sealed.subarray(KEY_ID_AT, NODE_HEADER_BYTES),
  };
}

function isNode(sealed: Uint8Array): boolean {
  return sealed.byteLength === SEALED_NODE_BYTES && MAGIC.every((byte, at) => sealed[at] === byte);
}

function writeHeader(sealed: Uint8Array, header: NodeHeader): void {
  const rootId = parseBase64url(header.rootId);
  if (rootId?.byteLength !== ROOT_ID_BYTES) throw new RangeError('a root id has 8 bytes');
  const view = new DataView(sealed.buffer);
  sealed.set(MAGIC);
  sealed.set(rootId, ROOT_ID_AT);
  view.setUint32(TREE_AT, header.tree);
  view.setUint8(LEVEL_AT, header.level);
  view.setUint32(INDEX_AT, header.index);
  sealed.set(header.keyId, KEY_ID_AT);
}
