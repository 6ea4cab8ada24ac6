import { DEFAULT_OVERLAP_MS } from '../access/accounts.js';
import {
  changeTenant,
  createTenant,
  type IssuedTenant,
  type TenantDeps,
} from '../access/tenants.js';
import { HOUR_MS } from '../lib/clock.js';
import {
  type Application,
  type Command,
  type CommandContext,
  readArguments,
  UsageError,
  wholeNumber,
} from './command.js';
import { OPTIONS, OPTIONS_USAGE, readOptions } from './tenant-options.js';
import { tenantJson, tenantLine, tenantLines } from './tenant-view.js';

export const tenantCommands: readonly Command[] = [
  {
    name: 'tenant create',
    summary: 'Make a tenant and show its webhook secret, once.',
    usage: `tenant create NAME [OPTIONS]
  NAME                               what the launch page calls the integrator
  --id ID                            letters, digits, dots, hyphens (default: a random id)${OPTIONS_USAGE}`,
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
  --name NAME                        what the launch page calls the integrator${OPTIONS_USAGE}
                                     Origins, hosts and thresholds replace the present ones; the
                                     value none removes them all, and so it does a certificate.
  --rotate-webhook-secret            make a new webhook secret and show it, once
  --overlap-hours N                  the previous one signs as well for so long, 0 to 168
                                     (default 24)`,
    run: change,
  },
];

async function create(context: CommandContext, args: readonly string[]): Promise<void> {
  const { positionals, values } = readArguments(args, {
    positionals: ['NAME'],
    options: { id: { type: 'string' }, ...OPTIONS },
  });
  const [displayName = ''] = positionals;
  const { options, wipe } = readOptions(values);
  const application = await context.open();
  const issued = await createTenant(tenantDeps(application), {
    displayName,
    ...(values.id !== undefined && { tenantId: values.id }),
    ...options,
  }).finally(wipe);
  print(context, issued);
}

async function list(context: CommandContext, args: readonly string[]): Promise<void> {
  readArguments(args, { positionals: [], options: {} });
  const { store } = await context.open();
  const tenants = await store.access.listTenants();
  const lines = tenants.map(tenantLine);
  context.print({
    text: lines.length === 0 ? 'There are no tenants.' : lines.join('\n'),
    json: { tenants: tenants.map(tenantJson) },
  });
}

async function change(context: CommandContext, args: readonly string[]): Promise<void> {
  const { positionals, values } = readArguments(args, {
    positionals: ['ID'],
    options: {
      name: { type: 'string' },
      'rotate-webhook-secret': { type: 'boolean' },
      'overlap-hours': { type: 'string' },
      ...OPTIONS,
    },
  });
  const [tenantId = ''] = positionals;
  if (Object.keys(values).length === 0) throw new UsageError('give at least one option');
  const hours = values['overlap-hours'];
  if (hours !== undefined && values['rotate-webhook-secret'] !== true) {
    throw new UsageError('--overlap-hours needs --rotate-webhook-secret');
  }
  const overlapMs = hours === undefined ? DEFAULT_OVERLAP_MS : overlap(hours);
  const { options, wipe } = readOptions(values);
  const application = await context.open();
  const issued = await changeTenant(tenantDeps(application), {
    tenantId,
    ...(values.name !== undefined && { displayName: values.name }),
    ...options,
    ...(values['rotate-webhook-secret'] === true && { rotateWebhookSecret: { overlapMs } }),
  }).finally(wipe);
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

function print(context: CommandContext, { tenant, webhookSecret }: IssuedTenant): void {
  const secret = webhookSecret === undefined ? {} : { webhookSecret };
  const lines = [
    ...tenantLines(tenant),
    ...(webhookSecret === undefined
      ? []
      : [`webhook secret  ${webhookSecret}`, 'Keep it now: it is not shown again.']),
  ];
  context.print({ text: lines.join('\n'), json: { ...tenantJson(tenant), ...secret } });
}
