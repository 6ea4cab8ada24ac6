import { invalidAt } from '../errors/service-error.js';
import { isHostEntry } from './host-list.js';
import type { Tenant } from './tenant.js';

const TENANT_ID = /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/;
const MAX_NAME_LENGTH = 100;
const MAX_ORIGINS = 20;
const MAX_HOSTS = 50;
const LOOPBACK = ['localhost', '127.0.0.1', '[::1]'];

/** Models of the service, by name. */
export type KnownModels = Readonly<Record<string, unknown>>;

type HostLists = Pick<Tenant, 'callbackHosts' | 'redirectHosts'>;
type Policy = Pick<Tenant, 'tenantId' | 'displayName' | 'frameOrigins' | 'thresholds'> & HostLists;

/** Throws VALIDATION_FAILED, with the place, when a tenant may not be stored like this. */
export function checkTenant(policy: Policy, models: KnownModels): void {
  const { tenantId, displayName, frameOrigins, thresholds } = policy;
  if (!TENANT_ID.test(tenantId)) {
    throw invalidAt('/tenantId', 'must be 1 to 64 letters, digits, dots, hyphens or underscores');
  }
  if (
    displayName.trim() === '' ||
    displayName.length > MAX_NAME_LENGTH ||
    /\p{C}/u.test(displayName)
  ) {
    throw invalidAt('/displayName', 'must be 1 to 100 printable characters');
  }
  if (frameOrigins.length > MAX_ORIGINS || !frameOrigins.every(isFrameOrigin)) {
    throw invalidAt(
      '/frameOrigins',
      'must be at most 20 origins such as https://example.com, https except on loopback',
    );
  }
  checkHosts('callbackHosts', policy);
  checkHosts('redirectHosts', policy);
  for (const [model, { verify, signIn }] of Object.entries(thresholds)) {
    if (!Object.hasOwn(models, model)) throw invalidAt('/thresholds', 'names an unknown model');
    if (![verify, signIn].every((similarity) => similarity > 0 && similarity <= 1)) {
      throw invalidAt('/thresholds', 'must be similarities greater than 0 and at most 1');
    }
  }
}

function checkHosts(list: keyof HostLists, policy: HostLists): void {
  const hosts = policy[list];
  if (hosts.length <= MAX_HOSTS && hosts.every(isHostEntry)) return;
  throw invalidAt(
    `/${list}`,
    'must be at most 50 hosts as URLs have them, such as hooks.example.com or *.example.com, without a port',
  );
}

/** Origins go into a Content-Security-Policy, so only their canonical form is taken. */
function isFrameOrigin(text: string): boolean {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url?.origin !== text || /[;,*]/.test(text)) return false;
  return url.protocol === 'https:' || (url.protocol === 'http:' && LOOPBACK.includes(url.hostname));
}
