// Run by memory.test.ts in a process of its own.
import { createCipheriv, createDecipheriv, createHash, createHmac } from 'node:crypto';
import { deriveKey, expandKey, hmacSha256 } from '../../src/crypto/hash.js';
import { SealBroken } from '../../src/crypto/seal.js';
import { SecretBytes } from '../../src/crypto/secret-bytes.js';
import { keyIdText } from '../../src/vault/key-name.js';
import { rootKeyOf } from '../../src/vault/roots/root-key.js';
import { parseSlot, printSlot } from '../../src/vault/roots/root-slot.js';
import { openTemplate, sealTemplate } from '../../src/vault/template-seal.js';
import {
  KEY_BYTES,
  NODE_HEADER_BYTES,
  NODE_PLAINTEXT_BYTES,
  openNode,
  sealNode,
} from '../../src/vault/tree/key-node.js';
import { answer, keyTombstone, rootTombstone } from './answering.js';
import type { Tombstones } from './scanner.js';

const ROOT_ID = 'q83vEjRWeJA';
const PLACE = { tree: 1, level: 0, index: 5 };
const OWNER = { tenantId: 'tenant', uuid: 'somebody' };
const TEMPLATE_BYTES = 512;
const IV_BYTES = 12;
const TAG_BYTES = 16;

const held = SecretBytes.random(KEY_BYTES);

const destroyed = (...destroyedKeys: readonly string[]) => ({ retiredRoots: [], destroyedKeys });

/** A tombstone for every 32 bytes of a longer secret. */
function tombstonesOf(secret: SecretBytes): string[] {
  return Array.from({ length: secret.lengthBytes / KEY_BYTES }, (_, at) =>
    keyTombstone(secret.part(at * KEY_BYTES, KEY_BYTES)),
  );
}

/** What makes ciphertext of a plaintext, and so is worth as much as the plaintext. */
function keystreamTombstones(plaintext: SecretBytes, ciphertext: Uint8Array): string[] {
  const keystream = SecretBytes.own(new ArrayBuffer(plaintext.lengthBytes));
  plaintext.use((from) => {
    keystream.use((to) => {
      from.forEach((byte, at) => {
        to[at] = byte ^ (ciphertext[at] ?? 0);
      });
    });
  });
  const hashes = tombstonesOf(keystream);
  keystream.wipe();
  return hashes;
}

/** Positive control: a key that is still there. */
function keepKey() {
  return destroyed(keyTombstone(held));
}

/** Positive control: a small Buffer, which the first native call moves off the heap of V8. */
function useBuffer() {
  const source = SecretBytes.random(KEY_BYTES);
  const key = Buffer.alloc(KEY_BYTES);
  source.use((bytes) => {
    key.set(bytes);
  });
  source.wipe();
  createHmac('sha256', key).update('message').digest();
  const hash = createHash('sha256').update('dc').update(key).digest('base64url');
  key.fill(0);
  return destroyed(hash);
}

function useSecretBytes() {
  const key = SecretBytes.random(KEY_BYTES);
  hmacSha256(key, 'message');
  key.use((bytes) => createCipheriv('aes-256-gcm', bytes, new Uint8Array(12)).final());
  const hash = keyTombstone(key);
  key.wipe();
  return destroyed(hash);
}

function deriveKeys() {
  const key = SecretBytes.random(KEY_BYTES);
  const derived = deriveKey(key, 'purpose');
  const expanded = expandKey(key, 'purpose');
  const keys = [key, derived, expanded];
  const hashes = keys.map(keyTombstone);
  for (const each of keys) each.wipe();
  return destroyed(...hashes);
}

function sealAndOpenNode() {
  const { key, sealed, hashes } = newNode();
  openNode(key, sealed).wipe();
  key.wipe();
  return destroyed(...hashes);
}

/** All of the node is decrypted before it turns out to be changed. */
function openBrokenNode() {
  const { key, sealed, hashes } = newNode();
  sealed.set([(sealed.at(-1) ?? 0) ^ 1], sealed.byteLength - 1);
  expectBroken(() => openNode(key, sealed));
  key.wipe();
  return destroyed(...hashes);
}

/** A sealed node whose keys are wiped; only its own key is left. */
function newNode() {
  const key = SecretBytes.random(KEY_BYTES);
  const entries = SecretBytes.random(NODE_PLAINTEXT_BYTES);
  const sealed = sealNode(key, { rootId: ROOT_ID, place: PLACE, entries });
  const ciphertext = sealed.subarray(NODE_HEADER_BYTES + IV_BYTES);
  const hashes = [
    keyTombstone(key),
    ...tombstonesOf(entries),
    ...keystreamTombstones(entries, ciphertext),
  ];
  entries.wipe();
  return { key, sealed, hashes };
}

function expectBroken(work: () => unknown): void {
  try {
    work();
  } catch (error) {
    if (error instanceof SealBroken) return;
    throw error;
  }
  throw new Error('it opened');
}

function sealAndOpenTemplate() {
  const key = SecretBytes.random(KEY_BYTES);
  const plaintext = SecretBytes.random(TEMPLATE_BYTES);
  const keyName = { rootId: ROOT_ID, tree: 1, slot: 70, keyId: keyIdText(key) };
  const sealed = sealTemplate(key, { owner: OWNER, keyName, plaintext });
  const subkey = expandKey(key, 'lethe/template/v1');
  const hashes = [key, subkey].map(keyTombstone).concat(tombstonesOf(plaintext));
  subkey.wipe();
  plaintext.wipe();
  openTemplate(key, { owner: OWNER, keyName, sealed }).wipe();
  key.wipe();
  return destroyed(...hashes);
}

/** Positive control: Node's own decipher, its output overwritten. */
function useDecipher() {
  const { key, sealed, hashes } = newNode();
  const iv = sealed.subarray(NODE_HEADER_BYTES, NODE_HEADER_BYTES + IV_BYTES);
  const ciphertext = sealed.subarray(NODE_HEADER_BYTES + IV_BYTES, -TAG_BYTES);
  const decipher = key.use((bytes) => createDecipheriv('aes-256-gcm', bytes, iv));
  decipher.setAAD(sealed.subarray(0, NODE_HEADER_BYTES));
  decipher.setAuthTag(sealed.subarray(-TAG_BYTES));
  decipher.update(ciphertext).fill(0);
  decipher.final();
  key.wipe();
  return destroyed(...hashes);
}

function computeRoot() {
  const shares = [SecretBytes.random(KEY_BYTES), SecretBytes.random(KEY_BYTES)];
  const root = rootKeyOf(shares);
  const retiredRoots = [root, ...shares].map(rootTombstone);
  for (const secret of [root, ...shares]) secret.wipe();
  return { retiredRoots, destroyedKeys: [] };
}

function printAndParseSlot() {
  const share = SecretBytes.random(KEY_BYTES);
  const retiredRoots = [rootTombstone(share)];
  const printed = printSlot({
    rootId: ROOT_ID,
    epoch: 42,
    shareCount: 1,
    shareIndex: 0,
    escrowedUntilMs: 0,
    share,
  });
  share.wipe();
  const parsed = printed.use(parseSlot);
  printed.wipe();
  if (parsed === undefined) throw new Error('the slot did not parse');
  parsed.share.wipe();
  return { retiredRoots, destroyedKeys: [] };
}

/** In turns, so that the garbage collector runs now in one and now in another. */
function doAll(): Tombstones {
  const all: Tombstones[] = [
    useSecretBytes(),
    deriveKeys(),
    sealAndOpenNode(),
    openBrokenNode(),
    sealAndOpenTemplate(),
    computeRoot(),
    printAndParseSlot(),
  ];
  return {
    retiredRoots: all.flatMap(({ retiredRoots }) => retiredRoots),
    destroyedKeys: all.flatMap(({ destroyedKeys }) => destroyedKeys),
  };
}

function collectGarbage() {
  globalThis.gc?.();
  return destroyed();
}

await answer({
  keepKey,
  useBuffer,
  useDecipher,
  useSecretBytes,
  deriveKeys,
  sealAndOpenNode,
  openBrokenNode,
  sealAndOpenTemplate,
  computeRoot,
  printAndParseSlot,
  doAll,
  collectGarbage,
});
