import { invalidAt, type Problem, ServiceError } from '../errors/service-error.js';
import { utf8, utf8Text } from '../lib/bytes.js';
import { type AllowedAddresses, callbackRefusal } from './address-policy.js';
import type { DaySealer } from './day-sealer.js';

/** Where an integrator wants its webhooks, and the headers it wants with them (names in lower case). */
export interface Callback {
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
}

/** Token of RFC 9110 §5.6.2. */
const HEADER_NAME = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;
const HEADER_VALUE = /^[\t\x20-\x7e]*$/;

/** Headers that frame the message, belong to one connection, or vouch for the body. */
const RESERVED_NAMES: ReadonlySet<string> = new Set([
  'connection',
  'content-digest',
  'content-encoding',
  'content-length',
  'expect',
  'host',
  'http2-settings',
  'keep-alive',
  'repr-digest',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
]);
const RESERVED_PREFIXES = ['proxy-', 'signature', 'webhook-', 'x-jws-'];

/**
 * Accepts an integrator's `callback`. A `Content-Type` header in any spelling is dropped: the body
 * is always application/json.
 *
 * Throws INVALID_CALLBACK_URL at /callback/url when policy or tenant refuse the address, and
 * INVALID_CALLBACK_HEADERS at /callback/headers/<name> for names that are not tokens, are given
 * twice or are reserved, and for values with anything but visible ASCII, blanks and tabs.
 */
export function acceptCallback(
  allowed: AllowedAddresses,
  callback: { url: string; headers?: Readonly<Record<string, string>> | undefined },
): Callback {
  const refusal = callbackRefusal(allowed, callback.url);
  if (refusal !== undefined) throw invalidAt('/callback/url', refusal, 'INVALID_CALLBACK_URL');
  const headers = Object.entries(callback.headers ?? {});
  const problems = headerProblems(headers);
  if (problems.length > 0) throw new ServiceError('INVALID_CALLBACK_HEADERS', { problems });
  const kept = headers
    .map(([name, value]) => [name.toLowerCase(), value] as const)
    .filter(([name]) => name !== 'content-type');
  return { url: new URL(callback.url).href, headers: Object.fromEntries(kept) };
}

/** Seals a callback for one session in the day of this time; only {@link openCallback} opens it. */
export function sealCallback(
  daySealer: DaySealer,
  content: { sessionId: string; callback: Callback; atMs: number },
): Uint8Array {
  const { sessionId, callback, atMs } = content;
  const context = { kind: 'callback', id: sessionId } as const;
  return daySealer.seal(atMs, context, utf8(JSON.stringify(callback)));
}

/**
 * Opens what {@link sealCallback} made; undefined when the key of its day is gone. Throws SealBroken
 * when it belongs to another session, UNAVAILABLE when the vault cannot be asked.
 */
export async function openCallback(
  daySealer: DaySealer,
  content: { sessionId: string; sealedCallback: Uint8Array },
): Promise<Callback | undefined> {
  const context = { kind: 'callback', id: content.sessionId } as const;
  const bytes = await daySealer.open(content.sealedCallback, context);
  return bytes && (JSON.parse(utf8Text(bytes)) as Callback);
}

function headerProblems(headers: readonly (readonly [string, string])[]): readonly Problem[] {
  const seen = new Set<string>();
  return headers.flatMap(([name, value]) => {
    const lowerName = name.toLowerCase();
    const isRepeated = seen.has(lowerName);
    seen.add(lowerName);
    const message = isRepeated ? 'is given twice' : headerRefusal(lowerName, value);
    return message === undefined
      ? []
      : [{ pointer: `/callback/headers/${escapePointer(name)}`, message }];
  });
}

function headerRefusal(lowerName: string, value: string): string | undefined {
  if (!HEADER_NAME.test(lowerName)) return 'is not a header name';
  const isReserved =
    RESERVED_NAMES.has(lowerName) ||
    RESERVED_PREFIXES.some((prefix) => lowerName.startsWith(prefix));
  if (isReserved) return 'is set by the service and may not be given';
  return HEADER_VALUE.test(value) ? undefined : 'must be visible ASCII, blanks and tabs';
}

/** RFC 6901 §3. */
function escapePointer(segment: string): string {
  return segment.replaceAll('~', '~0').replaceAll('/', '~1');
}
