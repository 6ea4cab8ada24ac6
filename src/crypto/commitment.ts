import { base64url } from '../lib/bytes.js';
import { hmacSha256, lengthPrefixed } from './hash.js';
import type { SecretBytes } from './secret-bytes.js';

/** Stands for what must not be kept itself: nobody without the key can find out what it was. */
export interface Commitments {
  /** HMAC-SHA-256 of tenant and uuid: 32 bytes, base64url. */
  subject(name: { tenantId: string; uuid: string }): string;
  /** HMAC-SHA-256 of a request: 32 bytes, base64url; tells whether two are the same. */
  request(content: string): string;
}

export function createCommitments(key: SecretBytes): Commitments {
  return {
    subject: ({ tenantId, uuid }) =>
      base64url(hmacSha256(key, lengthPrefixed('subject', tenantId, uuid))),
    request: (content) => base64url(hmacSha256(key, lengthPrefixed('request', content))),
  };
}
