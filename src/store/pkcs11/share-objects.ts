import { SecretBytes } from '../../crypto/secret-bytes.js';
import type { ShareObjects } from '../../vault/roots/share-token.js';
import { CK, type Cryptoki, type Handle } from './cryptoki.js';

/*
 * A share is a data object of the token that only its logged-in user sees. CKA_PRIVATE is part of
 * the search: an object that somebody made without the PIN is never taken for a share.
 */
const KIND = [
  { type: CK.CKA_CLASS, value: CK.CKO_DATA },
  { type: CK.CKA_TOKEN, value: true },
  { type: CK.CKA_PRIVATE, value: true },
  { type: CK.CKA_LABEL, value: 'lethe-root' },
  { type: CK.CKA_APPLICATION, value: 'lethe' },
];
const FOUND_AT_ONCE = 16;
/** More than glibc keeps of one size for the next request. */
const FREED_PIECES = 16;

/** The share objects that a session of the token's user sees. */
export function shareObjects(cryptoki: Cryptoki, session: Handle): ShareObjects {
  return {
    list: () => {
      cryptoki.C_FindObjectsInit(session, KIND);
      try {
        const found: Handle[] = [];
        for (;;) {
          const more = cryptoki.C_FindObjects(session, FOUND_AT_ONCE);
          if (more.length === 0) return found;
          found.push(...more);
        }
      } finally {
        cryptoki.C_FindObjectsFinal(session);
      }
    },

    read: (object) => {
      const [attribute] = cryptoki.C_GetAttributeValue(session, object, [{ type: CK.CKA_VALUE }]);
      const value = SecretBytes.take(attribute?.value ?? new Uint8Array());
      overwriteFreedMemory(cryptoki, session, value.lengthBytes);
      return value;
    },

    create: (value) => {
      try {
        return value.use((bytes) =>
          cryptoki.C_CreateObject(session, [...KIND, { type: CK.CKA_VALUE, value: bytes }]),
        );
      } finally {
        overwriteFreedMemory(cryptoki, session, value.lengthBytes);
      }
    },

    destroy: (object) => {
      cryptoki.C_DestroyObject(session, object);
    },
  };
}

/**
 * pkcs11js copies each value into memory that it frees without wiping it. The allocator gives the
 * same pieces to the next who asks for as many bytes, so a search for labels of that length, which
 * finds nothing, puts zeros there.
 */
function overwriteFreedMemory(cryptoki: Cryptoki, session: Handle, lengthBytes: number): void {
  const zeros = { type: CK.CKA_LABEL, value: new Uint8Array(lengthBytes) };
  try {
    cryptoki.C_FindObjectsInit(
      session,
      Array.from({ length: FREED_PIECES }, () => zeros),
    );
    cryptoki.C_FindObjectsFinal(session);
  } catch {
    // A token may refuse the search; the memory was taken all the same.
  }
}
