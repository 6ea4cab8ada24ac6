import { utf8 } from '../../lib/bytes.js';
import { parseKeyName } from '../key-name.js';
import { parseSlot, type RootSlot, SLOT_BYTES } from '../roots/root-slot.js';
import { templateKeyId } from '../template-seal.js';
import { parseNode, SEALED_NODE_BYTES } from '../tree/key-node.js';

/** Values of an embedding that are enough to recognise one. */
export const TEMPLATE_HEAD_VALUES = 64;
/** Magic, key id and IV of a sealed template. */
export const TEMPLATE_HEADER_BYTES = 32;
/** What the thief keeps of a sealed template: its header and the first 64 float32 of the ciphertext. */
const TEMPLATE_HEAD_BYTES = TEMPLATE_HEADER_BYTES + 4 * TEMPLATE_HEAD_VALUES;

const NODE_MAGIC = utf8('LKN1');
const TEMPLATE_MAGIC = utf8('LTP1');
const SLOT_MAGIC = utf8('LETHERT1');
/** The bytes of a root slot that mean something; the rest of the page are zeros. */
const SLOT_HEAD_BYTES = 96;

const L = 0x4c;
const DOT = 0x2e;
const ROOT_ID_CHARS = 11;
const KEY_NAME = /^[\w-]{11}\.\d{1,10}\.\d{1,6}\.[\w-]{22}/;
const LONGEST_KEY_NAME_CHARS = 52;

/** Takes what was found. Bytes are copies of its own; it wipes the shares of root slots. */
export interface BlobSink {
  /** A sealed node, 2113 bytes. */
  node(sealed: Uint8Array): void;
  /** The first 288 bytes of a sealed template: its whole length is written nowhere. */
  template(head: Uint8Array): void;
  keyName(text: string): void;
  rootSlot(slot: RootSlot): void;
}

/**
 * Finds sealed nodes, sealed templates, root slots and key names in arbitrary bytes, by their magic
 * or form alone. What is cut off at the end is left out.
 *
 * A blob must lie in one piece (of a template, the first 288 bytes). So it does in BSON, in decoded
 * text and in a SQLite file or WAL: a row of up to 4061 bytes stays on its page of 4096, and a longer
 * one keeps at least 489 of them there. Not so in raw files of engines that split or compress values:
 * PostgreSQL (TOAST, 1996 bytes to a piece) and WiredTiger with block compression. Of those the thief
 * needs a dump.
 */
export function findBlobs(bytes: Uint8Array, sink: BlobSink): void {
  for (let at = bytes.indexOf(L); at >= 0; at = bytes.indexOf(L, at + 1)) {
    if (startsWith(bytes, at, NODE_MAGIC)) findNode(bytes, at, sink);
    else if (startsWith(bytes, at, TEMPLATE_MAGIC)) findTemplate(bytes, at, sink);
    else if (startsWith(bytes, at, SLOT_MAGIC)) findSlot(bytes, at, sink);
  }
  for (let at = bytes.indexOf(DOT); at >= 0; at = bytes.indexOf(DOT, at + 1))
    findKeyName(bytes, at, sink);
}

function startsWith(bytes: Uint8Array, at: number, magic: Uint8Array): boolean {
  for (let index = 0; index < magic.byteLength; index += 1)
    if (bytes[at + index] !== magic[index]) return false;
  return true;
}

function findNode(bytes: Uint8Array, at: number, sink: BlobSink): void {
  const sealed = bytes.slice(at, at + SEALED_NODE_BYTES);
  if (parseNode(sealed) !== undefined) sink.node(sealed);
}

function findTemplate(bytes: Uint8Array, at: number, sink: BlobSink): void {
  const head = bytes.slice(at, at + TEMPLATE_HEAD_BYTES);
  if (head.byteLength === TEMPLATE_HEAD_BYTES && templateKeyId(head) !== undefined)
    sink.template(head);
}

/** Its zeros need not be there: a slot is a slot in a single sector too. */
function findSlot(bytes: Uint8Array, at: number, sink: BlobSink): void {
  const page = new Uint8Array(SLOT_BYTES);
  page.set(bytes.subarray(at, at + SLOT_HEAD_BYTES));
  const slot = parseSlot(page);
  page.fill(0);
  if (slot !== undefined) sink.rootSlot(slot);
}

/** Columns of a row follow each other without a gap: a name may have letters on both sides. */
function findKeyName(bytes: Uint8Array, dotAt: number, sink: BlobSink): void {
  if (dotAt < ROOT_ID_CHARS || !isDigit(bytes[dotAt + 1])) return;
  const from = dotAt - ROOT_ID_CHARS;
  const around = String.fromCharCode(...bytes.subarray(from, from + LONGEST_KEY_NAME_CHARS));
  const text = KEY_NAME.exec(around)?.[0];
  if (text !== undefined && parseKeyName(text) !== undefined) sink.keyName(text);
}

function isDigit(byte = 0): boolean {
  return byte >= 0x30 && byte <= 0x39;
}
