import { readFileSync } from 'node:fs';
import type { AuthMode, Tenant } from '../access/tenant.js';
import type { TenantOptions } from '../access/tenants.js';
import type { TlsChange } from '../access/webhook-tls.js';
import { SecretBytes } from '../crypto/secret-bytes.js';
import { UsageError } from './command.js';
import { readText, unreadable } from './read-text.js';

export const OPTIONS_USAGE = `
  --auth-mode strict|apiKeyOnly      which credentials clients must present; apiKeyOnly never
                                     covers DELETE (default strict)
  --frame-origin ORIGIN              may show the launch page in a frame; may be repeated
  --callback-host HOST               webhooks may go there; may be repeated (default: anywhere)
  --redirect-host HOST               browsers may be sent back there; may be repeated (default:
                                     anywhere). *.example.com stands for all subdomains
  --http-signatures on|off           sign webhooks by RFC 9421 as well (default off)
  --webhook-ca FILE                  PEM: authorities of the receivers, instead of the public ones
  --webhook-certificate FILE         PEM: certificate that webhooks present to receivers, its chain
  --webhook-key FILE                 PEM: the certificate's private key; kept sealed
  --threshold MODEL:VERIFY:SIGNIN    similarities of this tenant, each above 0 and at most 1; may be
                                     repeated`;

export const OPTIONS = {
  'auth-mode': { type: 'string' },
  'frame-origin': { type: 'string', multiple: true },
  'callback-host': { type: 'string', multiple: true },
  'redirect-host': { type: 'string', multiple: true },
  'http-signatures': { type: 'string' },
  'webhook-ca': { type: 'string' },
  'webhook-certificate': { type: 'string' },
  'webhook-key': { type: 'string' },
  threshold: { type: 'string', multiple: true },
} as const;

/** In place of a value: removes what there is. */
const NONE = 'none';

type Given = {
  readonly [K in keyof typeof OPTIONS]?:
    | ((typeof OPTIONS)[K] extends { multiple: true } ? readonly string[] : string)
    | undefined;
};

/** What the options say of a tenant, and the key that was read, for the caller to wipe. */
interface ReadOptions {
  readonly options: TenantOptions;
  readonly wipe: () => void;
}

/** Reads the options and the files that they name. Throws UsageError. */
export function readOptions(given: Given): ReadOptions {
  const tls = readTls(given);
  const thresholds = listed(given.threshold)?.map(threshold);
  const frameOrigins = listed(given['frame-origin']);
  const callbackHosts = listed(given['callback-host']);
  const redirectHosts = listed(given['redirect-host']);
  return {
    options: {
      ...(given['auth-mode'] !== undefined && { authMode: authMode(given['auth-mode']) }),
      ...(frameOrigins && { frameOrigins }),
      ...(callbackHosts && { callbackHosts }),
      ...(redirectHosts && { redirectHosts }),
      ...(given['http-signatures'] !== undefined && {
        httpSignatures: isOn('--http-signatures', given['http-signatures']),
      }),
      ...(thresholds && { thresholds: Object.fromEntries(thresholds) }),
      webhookTls: tls,
    },
    wipe: () => tls.client?.key.wipe(),
  };
}

function listed(values: readonly string[] | undefined): readonly string[] | undefined {
  return values?.length === 1 && values[0] === NONE ? [] : values;
}

function authMode(text: string): AuthMode {
  if (text === 'strict' || text === 'apiKeyOnly') return text;
  throw new UsageError('--auth-mode must be strict or apiKeyOnly');
}

function isOn(name: string, text: string): boolean {
  if (text === 'on' || text === 'off') return text === 'on';
  throw new UsageError(`${name} must be on or off`);
}

function threshold(text: string): [model: string, limits: Tenant['thresholds'][string]] {
  const match = /^(?<model>[^:]+):(?<verify>[\d.]+):(?<signIn>[\d.]+)$/.exec(text)?.groups;
  if (match === undefined) throw new UsageError('--threshold must be MODEL:VERIFY:SIGNIN');
  const { model = '', verify, signIn } = match;
  return [model, { verify: Number(verify), signIn: Number(signIn) }];
}

function readTls(given: Given): TlsChange {
  const ca = given['webhook-ca'];
  const certificate = given['webhook-certificate'];
  const key = given['webhook-key'];
  if ((key !== undefined) !== (certificate !== undefined && certificate !== NONE)) {
    throw new UsageError('--webhook-certificate FILE and --webhook-key FILE go together');
  }
  return {
    ...(ca !== undefined && { ca: ca === NONE ? null : readText(ca) }),
    ...(certificate === NONE && { client: null }),
    ...(certificate !== undefined &&
      key !== undefined && {
        client: { certificate: readText(certificate), key: readSecret(key) },
      }),
  };
}

/** The bytes of a file, which pass through no text. */
function readSecret(file: string): SecretBytes {
  try {
    return SecretBytes.take(readFileSync(file));
  } catch (error) {
    throw unreadable(file, error);
  }
}
