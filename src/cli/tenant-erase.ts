import { eraseTenant } from '../operations/erase-tenant.js';
import { type Command, type CommandContext, readArguments, UsageError } from './command.js';
import type { Service } from './surroundings.js';

type OpenService = () => Promise<Service>;

export const tenantEraseCommands = (openService: OpenService): readonly Command[] => [
  {
    name: 'tenant erase',
    summary: 'Erase all subjects of a tenant at once; it cannot be undone.',
    usage: `tenant erase ID --yes
  ID                                 a tenant all of whose clients are revoked
  --yes                              really
One slot of the key tree holds the way to all keys of the tenant. The tenant and its audit log stay.
Run it while no server runs, or with VAULT_URL; it may be repeated.`,
    run: (context, args) => erase(context, args, openService),
  },
];

async function erase(
  context: CommandContext,
  args: readonly string[],
  openService: OpenService,
): Promise<void> {
  const { positionals, values } = readArguments(args, {
    positionals: ['ID'],
    options: { yes: { type: 'boolean' } },
  });
  const [tenantId = ''] = positionals;
  if (values.yes !== true) throw new UsageError('--yes is missing: this cannot be undone');
  const service = await openService();
  try {
    const { store } = service.operations;
    if ((await store.access.findTenant(tenantId)) === undefined)
      throw new Error('there is no such tenant; lethe tenant list shows them');
    const removed = await eraseTenant(service.operations, tenantId);
    context.print({
      text: `${removed.toString()} subjects of ${tenantId} are erased.`,
      json: { tenantId, removed },
    });
  } finally {
    await service.close();
  }
}
