import { createPrivateKey, type KeyObject, X509Certificate } from 'node:crypto';
import type { Sealer } from '../crypto/sealer.js';
import type { SecretBytes } from '../crypto/secret-bytes.js';
import { invalidAt } from '../errors/service-error.js';
import type { Clock } from '../lib/clock.js';
import type { SealedTls } from './tenant.js';

const MAX_PEM_LENGTH = 65_536;
const CERTIFICATES = /-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g;

/** PEM texts; null removes what there is. */
export interface TlsChange {
  readonly ca?: string | null;
  /** The service's own certificate with what leads to its authority, and its private key. */
  readonly client?: { readonly certificate: string; readonly key: SecretBytes } | null;
}

/**
 * Checks what is given, seals the key for the tenant alone and returns how to change what is stored:
 * undefined stands for nothing. Of the certificate texts only the certificates are kept. The caller
 * wipes the key.
 *
 * Throws VALIDATION_FAILED at /webhookTls/... for what is not PEM, has expired or does not belong
 * together.
 */
export function prepareTlsChange(
  deps: { readonly sealer: Sealer; readonly clock: Clock },
  { tenantId, ca, client }: TlsChange & { readonly tenantId: string },
): (current: SealedTls | undefined) => SealedTls | undefined {
  const nowMs = deps.clock.nowMs();
  const newCa = typeof ca === 'string' && {
    ca: readChain(ca, { pointer: '/webhookTls/ca', nowMs }).pem,
  };
  const newClient = client && sealClient(deps.sealer, { ...client, tenantId, nowMs });
  return (current = {}) => {
    const { ca: currentCa, ...currentClient } = current;
    const changed: SealedTls = {
      ...(ca === undefined ? currentCa !== undefined && { ca: currentCa } : newCa),
      ...(client === undefined ? currentClient : newClient),
    };
    return Object.keys(changed).length === 0 ? undefined : changed;
  };
}

/** Opens the key that {@link prepareTlsChange} sealed. Throws SealBroken for another tenant's. */
export function openTlsKey(
  sealer: Sealer,
  { tenantId, sealedKey }: { tenantId: string; sealedKey: Uint8Array },
): Uint8Array {
  return sealer.open(sealedKey, 'webhook-tls-key', tenantId);
}

/** The certificates of a PEM text, in its order. Throws when one does not parse. */
export function certificatesOf(pem: string): readonly X509Certificate[] {
  return (pem.match(CERTIFICATES) ?? []).map((block) => new X509Certificate(block));
}

function sealClient(
  sealer: Sealer,
  given: { tenantId: string; certificate: string; key: SecretBytes; nowMs: number },
): SealedTls {
  const at = { pointer: '/webhookTls/certificate', nowMs: given.nowMs };
  const { pem, first } = readChain(given.certificate, at);
  return given.key.use((bytes) => {
    if (!first.checkPrivateKey(parseKey(bytes))) {
      throw invalidAt('/webhookTls/key', 'is not the key of the first certificate');
    }
    const sealedKey = sealer.seal(bytes, 'webhook-tls-key', given.tenantId);
    return { certificate: pem, sealedKey };
  });
}

function readChain(
  text: string,
  { pointer, nowMs }: { pointer: string; nowMs: number },
): { pem: string; first: X509Certificate } {
  const chain = text.length > MAX_PEM_LENGTH ? [] : parseChain(text);
  const [first] = chain;
  if (first === undefined) {
    throw invalidAt(pointer, 'must be at most 64 KiB of PEM that hold a certificate');
  }
  if (chain.some(({ validTo }) => Date.parse(validTo) <= nowMs)) {
    throw invalidAt(pointer, 'holds a certificate that has expired');
  }
  return { pem: chain.map(String).join(''), first };
}

function parseChain(text: string): readonly X509Certificate[] {
  try {
    return certificatesOf(text);
  } catch {
    return [];
  }
}

function parseKey(bytes: Uint8Array): KeyObject {
  const { buffer, byteOffset, byteLength } = bytes;
  try {
    // A view: the key is not copied. What is too long is no key.
    const view = Buffer.from(buffer as ArrayBuffer, byteOffset, byteLength);
    const key = view.subarray(0, byteLength > MAX_PEM_LENGTH ? 0 : byteLength);
    return createPrivateKey({ key, format: 'pem' });
  } catch {
    throw invalidAt('/webhookTls/key', 'must be a private key in PEM without a passphrase');
  }
}
