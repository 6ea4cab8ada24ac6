import {
  compareWithRoot,
  type RestoreReport,
  removeWithoutKey,
} from '../operations/reapply-erasures.js';
import type { TreeReport } from '../vault/tree/tree-inspector.js';
import { type Command, type CommandContext, readArguments } from './command.js';
import type { Service } from './surroundings.js';

export const restoreCheckCommands = (openService: () => Promise<Service>): readonly Command[] => [
  {
    name: 'restore-check',
    summary: 'Check after a restore that database, key tree and root belong together.',
    usage: `restore-check [--apply]
  --apply                            complete the erasure of every subject whose key does not
                                     exist: it was erased since the backup was made
Run it while no server runs. Users' data may be of any backup. The key tree (tables keyNodes,
keyTrees, keyRoots) must be the newest there is: what is older than the root opens nothing.
Exits with 0 when all fits, 1 when not; the sentence says what to do.`,
    run: (context, args) => check(context, args, openService),
  },
];

async function check(
  context: CommandContext,
  args: readonly string[],
  openService: () => Promise<Service>,
): Promise<void> {
  const { values } = readArguments(args, {
    positionals: [],
    options: { apply: { type: 'boolean' } },
  });
  const service = await openService();
  try {
    const tree = await service.inspect?.();
    if (tree !== undefined) requireWhole(tree);
    const found = await compareWithRoot(service.operations);
    const removed = values.apply === true ? await removeWithoutKey(service.operations) : 0;
    const withoutKey = found.withoutKey - removed;
    const json = { isSound: withoutKey === 0, tree, subjects: found.subjects, withoutKey, removed };
    context.print({ text: inWords(tree, { found, removed }), json });
    if (withoutKey > 0)
      throw new Error(
        `${withoutKey.toString()} subjects have no key: they were erased since this backup was made; lethe restore-check --apply, or the next start of the server, removes what is left of them`,
      );
  } finally {
    await service.close();
  }
}

/** Subjects in leaves that do not open are not erased ones. */
function requireWhole({ damaged }: TreeReport): void {
  if (damaged.length === 0) return;
  const some = damaged.slice(0, 5).join(', ');
  throw new Error(
    `${damaged.length.toString()} leaves of the key tree do not open (${some}): put back the newest copy of the key tree`,
  );
}

function inWords(
  tree: TreeReport | undefined,
  { found, removed }: { found: RestoreReport; removed: number },
): string {
  const lines = [];
  if (tree !== undefined)
    lines.push(
      `Root ${tree.rootId}, epoch ${tree.rootEpoch.toString()}: ${tree.keys.toString()} keys in ${tree.leaves.toString()} leaves of ${tree.trees.toString()} trees.`,
    );
  lines.push(
    `${found.subjects.toString()} subjects, ${found.withoutKey.toString()} of them without a key.`,
  );
  if (removed > 0) lines.push(`What was left of ${removed.toString()} erased subjects is removed.`);
  return lines.join('\n');
}
