/** Enough for any real name: DNS allows 253 characters (RFC 1035 §2.3.4), and `*.` comes before. */
const MAX_LENGTH = 255;
const WILDCARD = '*.';
const NAME = /^[a-z\d_](?:[a-z\d._-]*[a-z\d_])?$/;
const IPV6 = /^\[[\da-f:]+\]$/;
const IPV4 = /^[\d.]+$/;

/**
 * Whether a text may stand in a list of hosts: a host exactly as `URL.hostname` gives it (lower
 * case, Punycode, IPv6 in brackets), or `*.` and a name, for its subdomains at any depth. Anything
 * else would never match, or match what it does not seem to.
 */
export function isHostEntry(text: string): boolean {
  if (text.length > MAX_LENGTH) return false;
  const isWildcard = text.startsWith(WILDCARD);
  const host = isWildcard ? text.slice(WILDCARD.length) : text;
  const hasForm = NAME.test(host) || IPV6.test(host);
  if (!hasForm || !URL.canParse(`https://${host}/`)) return false;
  // Addresses have no subdomains.
  if (isWildcard && (IPV4.test(host) || IPV6.test(host))) return false;
  return new URL(`https://${host}/`).hostname === host;
}

/**
 * Whether a list allows the host of a URL, given as `URL.hostname`. An empty list allows any.
 * `*.example.com` does not stand for example.com itself. A name with a trailing dot matches nothing.
 */
export function allowsHost(entries: readonly string[], hostname: string): boolean {
  if (entries.length === 0) return true;
  return entries.some((entry) =>
    entry.startsWith(WILDCARD) ? isBelow(hostname, entry.slice(1)) : hostname === entry,
  );
}

/** `ending` begins with a dot, so that badexample.com is not below example.com. */
function isBelow(hostname: string, ending: string): boolean {
  return hostname.endsWith(ending) && hostname.length > ending.length;
}
