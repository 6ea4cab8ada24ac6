import { isIPv6 } from 'node:net';
import ipaddr from 'ipaddr.js';
import type { AddressPolicy } from '../callbacks/address-policy.js';

/** What the operator allows (`EgressConfig`). */
export interface EgressRules {
  readonly allowHttp: boolean;
  /** Ports of public addresses. */
  readonly ports: readonly number[];
  /** Private networks that may be reached nevertheless, on any port: CIDR texts. */
  readonly privateCidrs: readonly string[];
}

/** The policy for texts, and for the addresses that they lead to. */
export interface EgressPolicy extends AddressPolicy {
  /** Whether a connection may be made to this IP address, as text, on this port. */
  allowsAddress(address: string, port: number): boolean;
}

type Address = ipaddr.IPv4 | ipaddr.IPv6;
type Network = readonly [Address, number];

/** The part of IPv6 that is in public use (IANA); outside it ipaddr.js calls some forms unicast. */
const GLOBAL_UNICAST: Network = ipaddr.IPv6.parseCIDR('2000::/3');
const LOOPBACK = [ipaddr.parse('127.0.0.1'), ipaddr.parse('::1')];
/** Names that mean this machine, or that public DNS never holds (RFC 6761, 6762, 8375; ICANN). */
const LOCALHOST = /(^|\.)localhost$/;
const PRIVATE_NAME = /^[^.]+$|\.(local|internal|home\.arpa)$/;

/** Webhooks go to https, public addresses and listed ports, and wherever `rules` says besides. */
export function createAddressPolicy(rules: EgressRules): EgressPolicy {
  const networks: readonly Network[] = rules.privateCidrs.map((cidr) => ipaddr.parseCIDR(cidr));
  const isPrivateAllowed = (address: Address): boolean =>
    networks.some((network) => contains(network, address));
  const isLoopbackAllowed = LOOPBACK.some(isPrivateAllowed);

  function allowsAddress(text: string, port: number): boolean {
    const address = parseAddress(text);
    if (address === undefined) return false;
    return isPrivateAllowed(address) || (isPublic(address) && rules.ports.includes(port));
  }

  function hostRefusal(host: string, port: number): string | undefined {
    const literal = parseAddress(host);
    if (literal !== undefined) {
      return allowsAddress(host, port) ? undefined : 'must not lead to a private address or port';
    }
    if (LOCALHOST.test(host)) {
      return isLoopbackAllowed ? undefined : 'must not lead to the service itself';
    }
    // Whether a name leads into an allowed network is known when it is connected to, not before.
    if (networks.length > 0) return undefined;
    if (PRIVATE_NAME.test(host)) return 'must not lead to a private name';
    return rules.ports.includes(port) ? undefined : 'must use an allowed port';
  }

  return {
    allowHttp: rules.allowHttp,
    allowsAddress,
    refusal(text) {
      // Parsers of other makes read these differently.
      if (/[\\\s]/.test(text)) return 'must not hold blanks or backslashes';
      if (!URL.canParse(text)) return 'must be an absolute address';
      const url = new URL(text);
      const isHttp = url.protocol === 'http:' && rules.allowHttp;
      if (url.protocol !== 'https:' && !isHttp) return 'must begin with https://';
      if (url.username !== '' || url.password !== '') {
        return 'must not hold a user name or password';
      }
      return hostRefusal(hostOf(url), portOf(url));
    },
  };
}

/** Host of a URL as it is connected to: no brackets, no trailing dot. */
export function hostOf(url: Pick<URL, 'hostname'>): string {
  return url.hostname.replace(/^\[|\]$/g, '').replace(/\.$/, '');
}

export function portOf(url: Pick<URL, 'port' | 'protocol'>): number {
  if (url.port !== '') return Number(url.port);
  return url.protocol === 'https:' ? 443 : 80;
}

export function isLocalhost(host: string): boolean {
  return LOCALHOST.test(host);
}

/**
 * An IPv4-mapped IPv6 address counts as the IPv4 address that it stands for, because that is where
 * it leads. No other form that embeds one does: it leads to a translator, a tunnel or nowhere.
 */
function parseAddress(text: string): Address | undefined {
  if (ipaddr.IPv4.isValidFourPartDecimal(text)) return ipaddr.IPv4.parse(text);
  // A zone (%eth0) names a link of this machine; URLs have none.
  const url = `http://[${text}]/`;
  if (!isIPv6(text) || !URL.canParse(url)) return undefined;
  // In hexadecimal, because ipaddr.js takes ::1.2.3.4 for ::ffff:1.2.3.4.
  return ipaddr.process(hostOf(new URL(url)));
}

function isPublic(address: Address): boolean {
  if (address.range() !== 'unicast') return false;
  return address.kind() === 'ipv4' || contains(GLOBAL_UNICAST, address);
}

function contains([network, bits]: Network, address: Address): boolean {
  return network.kind() === address.kind() && address.match(network, bits);
}
