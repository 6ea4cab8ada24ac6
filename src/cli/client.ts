import { readFile } from 'node:fs/promises';
import { DEFAULT_OVERLAP_MS } from '../access/accounts.js';
import {
  createClient,
  listClients,
  revokeClient,
  rotateClientSecret,
  setClientScopes,
} from '../access/clients.js';
import { parseSlcKey, type SlcKey } from '../access/slc-key.js';
import { CLIENT_SCOPES, type Client, type ClientScope } from '../access/tenant.js';
import { ServiceError } from '../errors/service-error.js';
import { isoTime } from '../lib/clock.js';
import { type Command, type CommandContext, readArguments, UsageError } from './command.js';
import { overlap } from './tenant.js';

export const clientCommands: readonly Command[] = [
  {
    name: 'client create',
    summary: 'Make a client of a tenant and show its credentials, once.',
    usage: `client create TENANT [OPTIONS]
  --slc-key FILE.jwk    public key (JWK, Ed25519 or P-256) that signs short-lived credentials; may be
                        repeated, at most 4
  --scope SCOPE         what it may do besides: audit:read, deliveries:read, deliveries:write; may
                        be repeated
  --no-hs256            keep no copy of the client secret: it cannot sign short-lived credentials`,
    run: create,
  },
  {
    name: 'client rotate',
    summary: 'Give a client a new secret and show it, once.',
    usage: `client rotate CLIENT [OPTIONS]
  --overlap-hours N     the previous secret is accepted as well for so long, 0 to 168 (default 24)`,
    run: rotate,
  },
  {
    name: 'client scope',
    summary: 'Replace what a client may do besides the operations of the API.',
    usage: `client scope CLIENT (--scope SCOPE... | --none)
  --scope SCOPE         audit:read, deliveries:read, deliveries:write; may be repeated
  --none                nothing besides`,
    run: scope,
  },
  {
    name: 'client revoke',
    summary: 'End a client at once, for good.',
    usage: 'client revoke CLIENT',
    run: revoke,
  },
  {
    name: 'client list',
    summary: 'List the clients of a tenant.',
    usage: 'client list TENANT',
    run: list,
  },
];

async function create(context: CommandContext, args: readonly string[]): Promise<void> {
  const { positionals, values } = readArguments(args, {
    positionals: ['TENANT'],
    options: {
      'slc-key': { type: 'string', multiple: true },
      scope: { type: 'string', multiple: true },
      'no-hs256': { type: 'boolean' },
    },
  });
  const [tenantId = ''] = positionals;
  const slcKeys = await Promise.all((values['slc-key'] ?? []).map(readSlcKey));
  const scopes = knownScopes(values.scope);
  const application = await context.open();
  const { client, apiKey, clientSecret } = await createClient(application, {
    tenantId,
    slcKeys,
    scopes,
    isHs256Allowed: values['no-hs256'] !== true,
  });
  context.print({
    text: [
      `x_api_key     ${apiKey}`,
      `clientID      ${client.clientId}`,
      `clientSecret  ${clientSecret}`,
      'Keep them now: key and secret are not shown again.',
    ].join('\n'),
    json: { ...shown(client), apiKey, clientSecret },
  });
}

async function rotate(context: CommandContext, args: readonly string[]): Promise<void> {
  const { positionals, values } = readArguments(args, {
    positionals: ['CLIENT'],
    options: { 'overlap-hours': { type: 'string' } },
  });
  const [clientId = ''] = positionals;
  const hours = values['overlap-hours'];
  const overlapMs = hours === undefined ? DEFAULT_OVERLAP_MS : overlap(hours);
  const application = await context.open();
  const { client, clientSecret } = await rotateClientSecret(application, { clientId, overlapMs });
  const endsAtMs = client.secrets[1]?.expiresAtMs;
  const previousEndsAt = endsAtMs === undefined ? undefined : isoTime(endsAtMs);
  context.print({
    text: [
      `clientSecret  ${clientSecret}`,
      'Keep it now: it is not shown again.',
      previousEndsAt === undefined
        ? 'The previous secret is no longer accepted.'
        : `The previous secret is accepted until ${previousEndsAt}.`,
    ].join('\n'),
    json: { ...shown(client), clientSecret, previousEndsAt },
  });
}

async function scope(context: CommandContext, args: readonly string[]): Promise<void> {
  const { positionals, values } = readArguments(args, {
    positionals: ['CLIENT'],
    options: { scope: { type: 'string', multiple: true }, none: { type: 'boolean' } },
  });
  const [clientId = ''] = positionals;
  const scopes = knownScopes(values.scope);
  if ((scopes.length === 0) !== (values.none === true))
    throw new UsageError('give either --scope or --none');
  const client = await setClientScopes(await context.open(), { clientId, scopes });
  const text = scopes.length === 0 ? 'nothing besides' : scopes.join(', ');
  context.print({ text: `${client.clientId} may do: ${text}.`, json: shown(client) });
}

function knownScopes(given: readonly string[] = []): readonly ClientScope[] {
  const known = CLIENT_SCOPES.filter((scope) => given.includes(scope));
  if (known.length === new Set(given).size) return known;
  throw new UsageError(`--scope must be one of ${CLIENT_SCOPES.join(', ')}`);
}

async function revoke(context: CommandContext, args: readonly string[]): Promise<void> {
  const { positionals } = readArguments(args, { positionals: ['CLIENT'], options: {} });
  const [clientId = ''] = positionals;
  const client = await revokeClient(await context.open(), clientId);
  context.print({ text: `${client.clientId} is revoked.`, json: shown(client) });
}

async function list(context: CommandContext, args: readonly string[]): Promise<void> {
  const { positionals } = readArguments(args, { positionals: ['TENANT'], options: {} });
  const [tenantId = ''] = positionals;
  const clients = await listClients(await context.open(), tenantId);
  const lines = clients.map((client) => {
    const state = client.revokedAtMs === undefined ? 'live' : 'revoked';
    const since = isoTime(client.revokedAtMs ?? client.createdAtMs);
    return [client.clientId, state, `since ${since}`, ...client.scopes].join('  ');
  });
  context.print({
    text: lines.length === 0 ? 'The tenant has no clients.' : lines.join('\n'),
    json: { clients: clients.map(shown) },
  });
}

/** What may be shown of a client at any time. */
function shown(client: Client): object {
  const { clientId, tenantId, slcKeys, scopes, createdAtMs, revokedAtMs } = client;
  return {
    clientID: clientId,
    tenantId,
    slcKeys,
    scopes,
    createdAt: isoTime(createdAtMs),
    ...(revokedAtMs !== undefined && { revokedAt: isoTime(revokedAtMs) }),
  };
}

async function readSlcKey(path: string): Promise<SlcKey> {
  try {
    return parseSlcKey(JSON.parse(await readFile(path, 'utf8')));
  } catch (error) {
    throw new Error(`${path} ${reason(error)}`, { cause: error });
  }
}

function reason(error: unknown): string {
  if (error instanceof ServiceError) return error.problems[0]?.message ?? error.message;
  return error instanceof SyntaxError ? 'is not JSON' : 'cannot be read';
}
