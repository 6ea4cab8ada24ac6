import { equalTexts } from '../crypto/compare.js';
import type { Sealer } from '../crypto/sealer.js';
import type { SecretBytes } from '../crypto/secret-bytes.js';
import { ServiceError } from '../errors/service-error.js';
import type { Clock } from '../lib/clock.js';
import type { AccessStore } from './access-store.js';
import type { PresentedCredentials } from './presented.js';
import { liveSecrets, matchesSecret, secretDigest } from './secrets.js';
import { verifySlc } from './slc.js';
import type { Client, ClientScope } from './tenant.js';

/** Who calls, and how surely that is known. */
export interface Principal {
  readonly tenantId: string;
  readonly clientId: string;
  readonly strength: 'strict' | 'apiKeyOnly';
  /** What the client may do besides; nothing with an API key alone. */
  readonly scopes: readonly ClientScope[];
}

export interface AuthenticationDeps {
  readonly access: Pick<AccessStore, 'findTenant' | 'findClientByApiKey' | 'useToken'>;
  readonly sealer: Sealer;
  /** 32 bytes; see `derivePepper`. */
  readonly pepper: SecretBytes;
  readonly clock: Clock;
  readonly publicUrl: string;
}

export interface AuthenticationRequest {
  readonly presented: PresentedCredentials | undefined;
  /** The exact bytes of the body, empty when there is none. */
  readonly body: Uint8Array;
  /** Whether the operation accepts an API key alone where the tenant does; never for DELETE. */
  readonly mayUseApiKeyOnly: boolean;
}

/** Checked where no client has the API key, so that the work is the same; passes nothing. */
const NOBODY: Client = {
  clientId: '',
  tenantId: '',
  apiKeyDigest: '',
  secrets: [],
  slcKeys: [],
  scopes: [],
  createdAtMs: 0,
};

/**
 * Finds out who calls (contract §4): API key, client id and client secret of one client; or its API
 * key and a short-lived credential, with the client id optional; or, where the tenant and the
 * operation allow it, the API key alone. Whatever is presented must be right.
 *
 * An accepted short-lived credential is used up, irreversibly, and only after everything else held.
 * Throws UNAUTHENTICATED for every failure: unknown, foreign, wrong and revoked look alike, in the
 * answer and in the work done.
 */
export async function authenticate(
  deps: AuthenticationDeps,
  request: AuthenticationRequest,
): Promise<Principal> {
  const { presented } = request;
  if (presented === undefined) throw refused('no credentials');
  const found = await deps.access.findClientByApiKey(
    secretDigest(deps.pepper, presented.apiKey ?? ''),
  );
  const client = found ?? NOBODY;
  const isKnown = found !== undefined && found.revokedAtMs === undefined;
  return isApiKeyAlone(presented)
    ? await byApiKey(deps, { client, isKnown, request })
    : await byProof(deps, { client, isKnown, presented, body: request.body });
}

function isApiKeyAlone({ clientId, clientSecret, slc }: PresentedCredentials): boolean {
  return [clientId, clientSecret, slc].every((value) => value === undefined);
}

async function byApiKey(
  deps: AuthenticationDeps,
  checked: { client: Client; isKnown: boolean; request: AuthenticationRequest },
): Promise<Principal> {
  const { client, isKnown, request } = checked;
  const tenant = await deps.access.findTenant(client.tenantId);
  const isAllowed = request.mayUseApiKeyOnly && tenant?.authMode === 'apiKeyOnly';
  if (!isKnown || !isAllowed) throw refused('an API key alone');
  return {
    tenantId: client.tenantId,
    clientId: client.clientId,
    strength: 'apiKeyOnly',
    scopes: [],
  };
}

async function byProof(
  deps: AuthenticationDeps,
  checked: { client: Client; isKnown: boolean; presented: PresentedCredentials; body: Uint8Array },
): Promise<Principal> {
  const { client, isKnown, presented, body } = checked;
  const { clientId, clientSecret, slc } = presented;
  const live = liveSecrets(client.secrets, deps.clock.nowMs());
  const isNamed =
    clientId === undefined ? slc !== undefined : equalTexts(clientId, client.clientId);
  const isSecretRight =
    clientSecret === undefined
      ? slc !== undefined
      : matchesSecret(deps.pepper, { presented: clientSecret, live });
  const use = slc === undefined ? undefined : await verifySlc(deps, { client, token: slc, body });
  const isSlcRight = slc === undefined || use !== undefined;
  if (!isKnown || !isNamed || !isSecretRight || !isSlcRight) throw refused('wrong credentials');
  if (use !== undefined && !(await deps.access.useToken({ clientId: client.clientId, ...use }))) {
    throw refused('a used SLC');
  }
  const { tenantId, scopes } = client;
  return { tenantId, clientId: client.clientId, strength: 'strict', scopes };
}

function refused(detail: string): ServiceError {
  return new ServiceError('UNAUTHENTICATED', { detail });
}
