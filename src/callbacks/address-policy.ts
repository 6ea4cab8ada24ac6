import { allowsHost } from '../access/host-list.js';
import { invalidAt } from '../errors/service-error.js';

/** Decides which addresses webhooks and redirects may go to; `outbound/` implements it. */
export interface AddressPolicy {
  /** Whether plain http is allowed beside https. */
  readonly allowHttp: boolean;
  /**
   * Why a webhook may not go to this URL: a sentence without the URL, or undefined when it may.
   * Looks at the text only; the connector checks what a name resolves to, at every attempt.
   */
  refusal(url: string): string | undefined;
}

/** Where a tenant may send webhooks or browsers: where the policy allows, and to its own hosts. */
export interface AllowedAddresses {
  readonly policy: AddressPolicy;
  /** The tenant's list (`access/host-list.ts`); empty: any host. */
  readonly hosts: readonly string[];
}

/** What is said of a host that the tenant's list does not hold. */
const FOREIGN_HOST = 'must lead to a host that is registered for the tenant';

/** RFC 3986 §2 has neither blanks, controls, backslashes nor anything beyond ASCII. */
const URL_TEXT = /^[\x21-\x5b\x5d-\x7e]+$/;

/** Why a webhook may not go to this URL: a sentence without the URL, or undefined when it may. */
export function callbackRefusal(
  { policy, hosts }: AllowedAddresses,
  text: string,
): string | undefined {
  const refusal = policy.refusal(text);
  if (refusal !== undefined) return refusal;
  return allowsHost(hosts, new URL(text).hostname) ? undefined : FOREIGN_HOST;
}

/**
 * Accepts a URL for the browser. Private addresses are allowed, because it is the browser that goes
 * there; the text is kept as it is.
 *
 * Throws INVALID_REDIRECT_URL at `pointer` unless it is absolute, https (or http where the policy
 * allows it), visible ASCII, without user name and password, and to one of the tenant's hosts.
 */
export function acceptRedirect(
  allowed: AllowedAddresses,
  redirect: { url: string; pointer: string },
): void {
  const refusal = redirectRefusal(allowed, redirect.url);
  if (refusal !== undefined) throw invalidAt(redirect.pointer, refusal, 'INVALID_REDIRECT_URL');
}

function redirectRefusal({ policy, hosts }: AllowedAddresses, text: string): string | undefined {
  if (!URL_TEXT.test(text)) return 'must be visible ASCII, everything else percent-encoded';
  if (!/^https?:\/\/[^/]/i.test(text) || !URL.canParse(text)) {
    return 'must be an absolute address that begins with https://';
  }
  const url = new URL(text);
  if (url.protocol === 'http:' && !policy.allowHttp) return 'must begin with https://';
  if (url.username !== '' || url.password !== '') return 'must not hold a user name or password';
  return allowsHost(hosts, url.hostname) ? undefined : FOREIGN_HOST;
}
