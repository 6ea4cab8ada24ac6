import { deriveKey, lengthPrefixed } from '../crypto/hash.js';
import { open, seal } from '../crypto/seal.js';
import { SecretBytes } from '../crypto/secret-bytes.js';
import { randomId } from '../lib/ids.js';
import type { KeyStore } from './key-store.js';
import type { SealedTemplate, TemplateOwner, Vault } from './vault.js';

const ENROLMENT_KEY_BYTES = 32;
const SCHEMA = 'lethe/template/v1';

/**
 * The first adapter of the vault: each enrolment key is wrapped under the root key and kept in the
 * database. README.md says what that does not erase.
 *
 * Wrapped key: AES-256-GCM, 12 + 32 + 16 = 60 bytes, AAD = length-prefixed
 * (`lethe/enrolment-key/v1`, keyId). Template: AES-256-GCM under HKDF(enrolment key,
 * `lethe/template/v1`), AAD = length-prefixed (`lethe/template/v1`, tenantId, uuid, keyId).
 */
export function createWrappedKeyVault(deps: { rootKey: SecretBytes; keys: KeyStore }): Vault {
  const wrappingKey = deriveKey(deps.rootKey, 'lethe/enrolment-key/v1');
  return {
    seal: async (owner, plaintext) => {
      const keyId = randomId();
      const enrolmentKey = SecretBytes.random(ENROLMENT_KEY_BYTES);
      try {
        const wrapped = enrolmentKey.use((bytes) =>
          seal(wrappingKey, { plaintext: bytes, aad: keyContext(keyId) }),
        );
        await deps.keys.insert({ keyId, wrapped });
        return { keyId, sealedTemplate: sealTemplate(enrolmentKey, { owner, keyId, plaintext }) };
      } finally {
        enrolmentKey.wipe();
      }
    },
    open: async (templates) => {
      const wrapped = await deps.keys.find(templates.map((template) => template.keyId));
      return templates.map((template, index) => {
        const wrappedKey = wrapped[index];
        return wrappedKey === undefined
          ? undefined
          : openTemplate(wrappingKey, wrappedKey, template);
      });
    },
    shred: async (keyIds) => {
      await deps.keys.remove(keyIds);
    },
  };
}

function sealTemplate(
  enrolmentKey: SecretBytes,
  content: { owner: TemplateOwner; keyId: string; plaintext: SecretBytes },
): Uint8Array {
  const key = deriveKey(enrolmentKey, SCHEMA);
  try {
    return content.plaintext.use((plaintext) =>
      seal(key, { plaintext, aad: templateContext(content) }),
    );
  } finally {
    key.wipe();
  }
}

function openTemplate(
  wrappingKey: SecretBytes,
  wrapped: Uint8Array,
  template: SealedTemplate,
): SecretBytes {
  const enrolmentKey = SecretBytes.take(
    open(wrappingKey, { sealed: wrapped, aad: keyContext(template.keyId) }),
  );
  const key = deriveKey(enrolmentKey, SCHEMA);
  try {
    const aad = templateContext({ owner: template, keyId: template.keyId });
    return SecretBytes.take(open(key, { sealed: template.sealedTemplate, aad }));
  } finally {
    enrolmentKey.wipe();
    key.wipe();
  }
}

function keyContext(keyId: string): Uint8Array {
  return lengthPrefixed('lethe/enrolment-key/v1', keyId);
}

function templateContext(of: { owner: TemplateOwner; keyId: string }): Uint8Array {
  return lengthPrefixed(SCHEMA, of.owner.tenantId, of.owner.uuid, of.keyId);
}
