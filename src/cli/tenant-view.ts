import type { SealedTls, Tenant } from '../access/tenant.js';
import { certificatesOf } from '../access/webhook-tls.js';
import { isoTime } from '../lib/clock.js';

const NONE = 'none';

/** A tenant for --json: everything but its secrets; certificates by their names. */
export function tenantJson(tenant: Tenant): object {
  const { webhookSecrets: _, webhookTls, createdAtMs, ...others } = tenant;
  return {
    ...others,
    ...(webhookTls && { webhookTls: tlsJson(webhookTls) }),
    createdAt: isoTime(createdAtMs),
  };
}

/** One line of a list; what is not as usual is told at its end. */
export function tenantLine(tenant: Tenant): string {
  const { callbackHosts, redirectHosts, httpSignatures, webhookTls = {} } = tenant;
  return [
    tenant.tenantId,
    tenant.authMode,
    tenant.displayName,
    ...(callbackHosts.length > 0 ? [`callbacks to ${callbackHosts.join(' ')}`] : []),
    ...(redirectHosts.length > 0 ? [`redirects to ${redirectHosts.join(' ')}`] : []),
    ...(httpSignatures ? ['HTTP signatures'] : []),
    ...(webhookTls.ca === undefined ? [] : ['private CA']),
    ...(webhookTls.certificate === undefined ? [] : ['client certificate']),
  ].join('  ');
}

/** A tenant alone, a line for each thing. */
export function tenantLines(tenant: Tenant): readonly string[] {
  const { webhookTls = {} } = tenant;
  return [
    `tenant          ${tenant.tenantId}`,
    `name            ${tenant.displayName}`,
    `auth mode       ${tenant.authMode}`,
    `frame origins   ${tenant.frameOrigins.join(' ') || NONE}`,
    `callback hosts  ${tenant.callbackHosts.join(' ') || 'any'}`,
    `redirect hosts  ${tenant.redirectHosts.join(' ') || 'any'}`,
    `HTTP signatures ${tenant.httpSignatures ? 'on' : 'off'}`,
    ...certificateLines('webhook CA     ', webhookTls.ca),
    ...certificateLines('certificate    ', webhookTls.certificate),
    ...Object.entries(tenant.thresholds).map(
      ([model, { verify, signIn }]) =>
        `threshold       ${model} verify ${verify.toString()} sign-in ${signIn.toString()}`,
    ),
  ];
}

function tlsJson({ ca, certificate }: SealedTls): object {
  return {
    ...(ca !== undefined && { ca: described(ca) }),
    ...(certificate !== undefined && { certificate: described(certificate) }),
  };
}

function certificateLines(label: string, pem: string | undefined): readonly string[] {
  if (pem === undefined) return [];
  return described(pem).map(
    ({ subject, expiresAt }) => `${label} ${subject}, until ${expiresAt.slice(0, 10)}`,
  );
}

interface Described {
  readonly subject: string;
  /** SHA-256 of the certificate, as `openssl x509 -fingerprint -sha256` prints it. */
  readonly fingerprint: string;
  readonly expiresAt: string;
}

function described(pem: string): readonly Described[] {
  return certificatesOf(pem).map(({ subject, fingerprint256, validTo }) => ({
    // Several parts stand on lines of their own; a certificate may have no subject at all.
    subject: (subject as string | undefined)?.replaceAll(/\p{C}+/gu, ', ') ?? '',
    fingerprint: fingerprint256,
    expiresAt: isoTime(Date.parse(validTo)),
  }));
}
