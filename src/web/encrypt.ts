/** The five fields that only the service can open; their parameters are in openapi.yaml. */
export interface EncryptedFields {
  readonly encryptedKey: string;
  readonly encryptedMessage: string;
  readonly iv: string;
  readonly gcmTag: string;
  readonly gcmAad: string;
}

const TAG_BYTES = 16;

/** Encrypts a template under a fresh AES-256 key, and that key under the service's RSA key. */
export async function encryptTemplate(
  template: object,
  to: { sessionId: string; publicKeyPem: string },
): Promise<EncryptedFields> {
  const encoder = new TextEncoder();
  const aad = encoder.encode(to.sessionId);
  const iv = crypto.getRandomValues(new Uint8Array(12));
  const key = await crypto.subtle.generateKey({ name: 'AES-GCM', length: 256 }, true, ['encrypt']);
  const message = encoder.encode(JSON.stringify(template));
  const sealed = new Uint8Array(
    await crypto.subtle.encrypt({ name: 'AES-GCM', iv, additionalData: aad }, key, message),
  );
  message.fill(0);
  const publicKey = await crypto.subtle.importKey(
    'spki',
    derOf(to.publicKeyPem),
    { name: 'RSA-OAEP', hash: 'SHA-256' },
    false,
    ['wrapKey'],
  );
  const encryptedKey = await crypto.subtle.wrapKey('raw', key, publicKey, { name: 'RSA-OAEP' });
  return {
    encryptedKey: base64(new Uint8Array(encryptedKey)),
    encryptedMessage: base64(sealed.subarray(0, -TAG_BYTES)),
    iv: base64(iv),
    gcmTag: base64(sealed.subarray(-TAG_BYTES)),
    gcmAad: base64(aad),
  };
}

function derOf(pem: string): Uint8Array<ArrayBuffer> {
  const text = atob(pem.replace(/-----[A-Z ]+-----|\s/g, ''));
  return Uint8Array.from(text, (character) => character.charCodeAt(0));
}

function base64(bytes: Uint8Array): string {
  return btoa(Array.from(bytes, (byte) => String.fromCharCode(byte)).join(''));
}
