import { expandKey, lengthPrefixed } from '../crypto/hash.js';
import { openSecret, SealBroken, seal } from '../crypto/seal.js';
import type { SecretBytes } from '../crypto/secret-bytes.js';
import { base64url, parseBase64url, utf8 } from '../lib/bytes.js';
import { KEY_ID_BYTES, type KeyName, printKeyName } from './key-name.js';
import type { TemplateOwner } from './vault.js';

const MAGIC = utf8('LTP1');
const HEADER_BYTES = MAGIC.byteLength + KEY_ID_BYTES;
const SCHEMA = 'lethe/template/v1';

/*
 * A sealed template:
 *
 *   offset  bytes  what
 *        0      4  magic "LTP1"                                  4c 54 50 31
 *        4     16  key id: HMAC-SHA-256(enrolment key, "kid")
 *       20     12  IV, random
 *       32      n  ciphertext, as long as the template
 *     32+n     16  tag
 *
 * AES-256-GCM under HKDF-Expand(enrolment key, "lethe/template/v1"). Associated data: the texts
 * "lethe/template/v1", tenantId, uuid and the name of the key (`key-name.ts`), each preceded by its
 * length in 4 bytes.
 */

/** Seals a template for its owner, under the enrolment key of this name. */
export function sealTemplate(
  enrolmentKey: SecretBytes,
  content: { owner: TemplateOwner; keyName: KeyName; plaintext: SecretBytes },
): Uint8Array {
  const key = expandKey(enrolmentKey, SCHEMA);
  try {
    const sealed = content.plaintext.use((plaintext) =>
      seal(key, { plaintext, aad: associatedData(content) }),
    );
    const bytes = new Uint8Array(HEADER_BYTES + sealed.byteLength);
    bytes.set(MAGIC);
    bytes.set(parseBase64url(content.keyName.keyId) ?? [], MAGIC.byteLength);
    bytes.set(sealed, HEADER_BYTES);
    return bytes;
  } finally {
    key.wipe();
  }
}

/**
 * Opens what {@link sealTemplate} made; the caller has made sure that the key is the one of that
 * name, and wipes the template. Throws SealBroken when anything differs.
 */
export function openTemplate(
  enrolmentKey: SecretBytes,
  content: { owner: TemplateOwner; keyName: KeyName; sealed: Uint8Array },
): SecretBytes {
  if (templateKeyId(content.sealed) !== content.keyName.keyId)
    throw new SealBroken('the template was sealed under another key');
  const key = expandKey(enrolmentKey, SCHEMA);
  try {
    const sealed = content.sealed.subarray(HEADER_BYTES);
    return openSecret(key, { sealed, aad: associatedData(content) });
  } finally {
    key.wipe();
  }
}

/** Id of the key that a template was sealed under, base64url; undefined when these bytes are none. */
export function templateKeyId(sealed: Uint8Array): string | undefined {
  if (sealed.byteLength < HEADER_BYTES || !MAGIC.every((byte, at) => sealed[at] === byte))
    return undefined;
  return base64url(sealed.subarray(MAGIC.byteLength, HEADER_BYTES));
}

function associatedData(of: { owner: TemplateOwner; keyName: KeyName }): Uint8Array {
  return lengthPrefixed(SCHEMA, of.owner.tenantId, of.owner.uuid, printKeyName(of.keyName));
}
