import { createDecipheriv } from 'node:crypto';
import { SecretBytes } from '../../crypto/secret-bytes.js';
import { NODE_HEADER_BYTES, NODE_PLAINTEXT_BYTES } from '../tree/key-node.js';

const CIPHERTEXT_AT = NODE_HEADER_BYTES + 12;
const TAG_AT = CIPHERTEXT_AT + NODE_PLAINTEXT_BYTES;

/**
 * Opens a sealed node into its 2048 bytes of keys, whatever key id it names; undefined when AES-GCM
 * says that it is not the key. The caller wipes the keys.
 */
export function openAnyNode(key: SecretBytes, sealed: Uint8Array): SecretBytes | undefined {
  const iv = sealed.subarray(NODE_HEADER_BYTES, CIPHERTEXT_AT);
  const decipher = key.use((bytes) =>
    createDecipheriv('aes-256-gcm', bytes, iv, { authTagLength: 16 }),
  );
  decipher.setAAD(sealed.subarray(0, NODE_HEADER_BYTES));
  decipher.setAuthTag(sealed.subarray(TAG_AT));
  const entries = decipher.update(sealed.subarray(CIPHERTEXT_AT, TAG_AT));
  try {
    decipher.final();
  } catch {
    return undefined;
  }
  return SecretBytes.take(entries);
}
