import { DEFAULT_OVERLAP_MS } from '../access/accounts.js';
import type { AuthMode, Tenant } from '../access/tenant.js';
import {
  changeTenant,
  createTenant,
  type IssuedTenant,
  type TenantDeps,
} from '../access/tenants.js';
import { HOUR_MS, isoTime } from '../lib/clock.js';
import {
  type Application,
  type Command,
  type CommandContext,
  readArguments,
  UsageError,
  wholeNumber,
} from './command.js';

const POLICY_USAGE = `
  --auth-mode strict|apiKeyOnly      which credentials clients must present; apiKeyOnly never
                                     covers DELETE (default strict)
  --frame-origin ORIGIN              may show the launch page in a frame; may be repeated
  --threshold MODEL:VERIFY:SIGNIN    similarities of this tenant, each above 0 and at most 1; may be
                                     repeated`;

const POLICY_OPTIONS = {
  'auth-mode': { type: 'string' },
  'frame-origin': { type: 'string', multiple: true },
  threshold: { type: 'string', multiple: true },
} as const;

/** In place of a value: empties the list. */
const NONE = 'none';

export const tenantCommands: readonly Command[] = [
  {
    name: 'tenant create',
    summary: 'Make a tenant and show its webhook secret, once.',
    usage: `tenant create NAME [OPTIONS]
  NAME                               what the launch page calls the integrator
  --id ID                            letters, digits, dots, hyphens (default: a random id)${POLICY_USAGE}`,
    run: create,
  },
  {
    name: 'tenant list',
    summary: 'List the tenants.',
    usage: 'tenant list',
    run: list,
  },
  {
    name: 'tenant set',
    summary: 'Change a tenant or rotate its webhook secret.',
    usage: `tenant set ID [OPTIONS]
  --name NAME                        what the launch page calls the integrator${POLICY_USAGE}
                                     The given origins and thresholds replace the present ones;
                                     the value none removes them all.
  --rotate-webhook-secret            make a new webhook secret and show it, once
  --overlap-hours N                  the previous one signs as well for so long, 0 to 168
                                     (default 24)`,
    run: change,
  },
];

async function create(context: CommandContext, args: readonly string[]): Promise<void> {
  const { positionals, values } = readArguments(args, {
    positionals: ['NAME'],
    options: { id: { type: 'string' }, ...POLICY_OPTIONS },
  });
  const [displayName = ''] = positionals;
  const policy = readPolicy(values);
  const application = await context.open();
  const issued = await createTenant(tenantDeps(application), {
    displayName,
    ...(values.id !== undefined && { tenantId: values.id }),
    ...policy,
  });
  print(context, issued);
}

async function list(context: CommandContext, args: readonly string[]): Promise<void> {
  readArguments(args, { positionals: [], options: {} });
  const { store } = await context.open();
  const tenants = await store.access.listTenants();
  const lines = tenants.map((t) => `${t.tenantId}  ${t.authMode}  ${t.displayName}`);
  context.print({
    text: lines.length === 0 ? 'There are no tenants.' : lines.join('\n'),
    json: { tenants: tenants.map(shown) },
  });
}

async function change(context: CommandContext, args: readonly string[]): Promise<void> {
  const { positionals, values } = readArguments(args, {
    positionals: ['ID'],
    options: {
      name: { type: 'string' },
      'rotate-webhook-secret': { type: 'boolean' },
      'overlap-hours': { type: 'string' },
      ...POLICY_OPTIONS,
    },
  });
  const [tenantId = ''] = positionals;
  if (Object.keys(values).length === 0) throw new UsageError('give at least one option');
  const hours = values['overlap-hours'];
  if (hours !== undefined && values['rotate-webhook-secret'] !== true) {
    throw new UsageError('--overlap-hours needs --rotate-webhook-secret');
  }
  const overlapMs = hours === undefined ? DEFAULT_OVERLAP_MS : overlap(hours);
  const policy = readPolicy(values);
  const application = await context.open();
  const issued = await changeTenant(tenantDeps(application), {
    tenantId,
    ...(values.name !== undefined && { displayName: values.name }),
    ...policy,
    ...(values['rotate-webhook-secret'] === true && { rotateWebhookSecret: { overlapMs } }),
  });
  print(context, issued);
}

/** The value of --overlap-hours in milliseconds. */
export function overlap(hours: string): number {
  return wholeNumber(hours, { name: '--overlap-hours', min: 0, max: 168 }) * HOUR_MS;
}

function tenantDeps(application: Application): TenantDeps {
  const { store, sealer, pepper, clock, reviews, config } = application;
  return { store, sealer, pepper, clock, reviews, models: config.models };
}

interface GivenPolicy {
  readonly 'auth-mode'?: string | undefined;
  readonly 'frame-origin'?: readonly string[] | undefined;
  readonly threshold?: readonly string[] | undefined;
}

type Policy = Partial<Pick<Tenant, 'authMode' | 'frameOrigins' | 'thresholds'>>;

function readPolicy(given: GivenPolicy): Policy {
  const origins = given['frame-origin'];
  const thresholds = given.threshold;
  return {
    ...(given['auth-mode'] !== undefined && { authMode: authMode(given['auth-mode']) }),
    ...(origins && { frameOrigins: isNone(origins) ? [] : origins }),
    ...(thresholds && {
      thresholds: Object.fromEntries(isNone(thresholds) ? [] : thresholds.map(threshold)),
    }),
  };
}

function isNone(values: readonly string[]): boolean {
  return values.length === 1 && values[0] === NONE;
}

function authMode(text: string): AuthMode {
  if (text === 'strict' || text === 'apiKeyOnly') return text;
  throw new UsageError('--auth-mode must be strict or apiKeyOnly');
}

function threshold(text: string): [model: string, { verify: number; signIn: number }] {
  const match = /^(?<model>[^:]+):(?<verify>[\d.]+):(?<signIn>[\d.]+)$/.exec(text)?.groups;
  if (match === undefined) throw new UsageError('--threshold must be MODEL:VERIFY:SIGNIN');
  const { model = '', verify, signIn } = match;
  return [model, { verify: Number(verify), signIn: Number(signIn) }];
}

function shown({ webhookSecrets: _, createdAtMs, ...tenant }: Tenant): object {
  return { ...tenant, createdAt: isoTime(createdAtMs) };
}

function print(context: CommandContext, { tenant, webhookSecret }: IssuedTenant): void {
  const secret = webhookSecret === undefined ? {} : { webhookSecret };
  const lines = [
    `tenant          ${tenant.tenantId}`,
    `name            ${tenant.displayName}`,
    `auth mode       ${tenant.authMode}`,
    `frame origins   ${tenant.frameOrigins.join(' ') || NONE}`,
    ...Object.entries(tenant.thresholds).map(
      ([model, { verify, signIn }]) =>
        `threshold       ${model} verify ${verify.toString()} sign-in ${signIn.toString()}`,
    ),
    ...(webhookSecret === undefined
      ? []
      : [`webhook secret  ${webhookSecret}`, 'Keep it now: it is not shown again.']),
  ];
  context.print({ text: lines.join('\n'), json: { ...shown(tenant), ...secret } });
}
