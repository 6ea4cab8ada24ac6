import { base64url } from '../lib/bytes.js';
import { hmacSha256, lengthPrefixed } from './hash.js';
import type { SecretBytes } from './secret-bytes.js';

/** Stands for a subject where its name must not be: in the audit log and after an erasure. */
export interface Commitments {
  /** HMAC-SHA-256 of tenant and uuid: 32 bytes, base64url. */
  subject(name: { tenantId: string; uuid: string }): string;
}

export function createCommitments(key: SecretBytes): Commitments {
  return {
    subject: ({ tenantId, uuid }) =>
      base64url(hmacSha256(key, lengthPrefixed('subject', tenantId, uuid))),
  };
}
