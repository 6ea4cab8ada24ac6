import { ServiceError } from '../../errors/service-error.js';
import { parseKeyName } from '../key-name.js';
import type { Shredded, Vault } from '../vault.js';
import { allOpened } from './all-opened.js';
import { RootOwners } from './root-owners.js';

/** What goes to one of the vaults: items, and where they stood in the list. */
interface Share<T> {
  readonly vault: Vault;
  readonly items: T[];
  readonly positions: number[];
}

/**
 * Several vaults as one, each with a root of its own: the work and the keys of the tenants are
 * divided among them. The name of a key says which root it hangs from, so keys stay where they are
 * when a vault is added; new ones go where `RootOwners.ownerForNew` says.
 *
 * A call fails when any vault that it needs fails. `shred` and `shredScope` then have destroyed keys
 * in some and not in others, and are repeated.
 */
export function createSplitVault(parts: readonly { readonly vault: Vault }[]): Vault {
  const vaults = parts.map(({ vault }) => vault);
  const [first] = vaults;
  if (first === undefined) throw new RangeError('a split vault has at least one part');
  const owners = new RootOwners(vaults);

  async function divide<T>(
    items: readonly T[],
    keyIdOf: (item: T) => string,
  ): Promise<readonly Share<T>[]> {
    const shares = new Map<Vault, Share<T>>();
    for (const [position, item] of items.entries()) {
      const vault = await owners.ownerOf(rootIdOf(keyIdOf(item)));
      const share = shares.get(vault) ?? { vault, items: [], positions: [] };
      share.items.push(item);
      share.positions.push(position);
      shares.set(vault, share);
    }
    return [...shares.values()];
  }

  return {
    async seal(owner, plaintext, scope) {
      const vault = await owners.ownerForNew(scope ?? { tenantId: owner.tenantId });
      return await vault.seal(owner, plaintext, scope);
    },
    async open(templates) {
      const shares = await divide(templates, ({ keyId }) => keyId);
      const opened = await allOpened(shares.map(async ({ vault, items }) => vault.open(items)));
      return inOrder(shares, opened);
    },
    async exist(keyIds) {
      const shares = await divide(keyIds, (keyId) => keyId);
      const exist = await Promise.all(shares.map(async ({ vault, items }) => vault.exist(items)));
      return inOrder(shares, exist);
    },
    async shred(keyIds) {
      const shares = await divide(keyIds, (keyId) => keyId);
      if (shares.length === 0) return await first.shred([]);
      return await allShredded(shares.map(async ({ vault, items }) => vault.shred(items)));
    },
    async shredScope(scope) {
      return await allShredded(vaults.map(async (vault) => vault.shredScope(scope)));
    },
    async roots() {
      return (await Promise.all(vaults.map(async (vault) => vault.roots()))).flat();
    },
    async check() {
      const checks = await Promise.allSettled(vaults.map(async (vault) => vault.check()));
      const failed = checks.filter((check) => check.status === 'rejected');
      // The tenants of the others can be served.
      if (failed.length === vaults.length) throw failed[0]?.reason;
    },
  };
}

function rootIdOf(keyId: string): string {
  const name = parseKeyName(keyId);
  if (name !== undefined) return name.rootId;
  throw new ServiceError('INTERNAL', {
    detail: 'the name of a key in the database is none of this release; restore the row',
  });
}

/** The results of the shares, each back at the position of its item. */
function inOrder<R>(
  shares: readonly Share<unknown>[],
  results: readonly (readonly R[])[],
): readonly R[] {
  const ordered: R[] = [];
  shares.forEach(({ positions }, index) => {
    positions.forEach((position, at) => {
      ordered[position] = results[index]?.[at] as R;
    });
  });
  return ordered;
}

/** Waits for all, so that none goes on unobserved, then fails when any did. */
async function allShredded(calls: readonly Promise<Shredded>[]): Promise<Shredded> {
  const settled = await Promise.allSettled(calls);
  const done = settled.map((call) => {
    if (call.status === 'rejected') throw call.reason;
    return call.value;
  });
  return merged(done);
}

function merged(all: readonly Shredded[]): Shredded {
  return {
    roots: all.flatMap(({ roots }) => roots),
    irrecoverableAtMs: Math.max(...all.map(({ irrecoverableAtMs }) => irrecoverableAtMs)),
    retiredRoots: all.flatMap(({ retiredRoots }) => retiredRoots),
    destroyedKeys: all.flatMap(({ destroyedKeys }) => destroyedKeys),
  };
}
