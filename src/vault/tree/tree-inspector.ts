import type { NodePlace } from './key-node.js';
import { type KeyTree, placeText, usedEntries } from './key-tree.js';
import type { TreeOwner } from './tree-owner.js';

const LEAVES_AT_ONCE = 256;

/** What a key tree holds. */
export interface TreeReport {
  readonly rootId: string;
  readonly rootEpoch: number;
  readonly trees: number;
  readonly leaves: number;
  readonly keys: number;
  /** Leaves that do not open, as `tree/level/index`. */
  readonly damaged: readonly string[];
}

/** Opens every leaf of the tree, one bunch after the other; changes nothing. */
export async function inspectTree(owner: TreeOwner): Promise<TreeReport> {
  const tree = await owner.tree();
  const places = [...tree.shapes.values()].flatMap(({ tree: number, leafCount }) =>
    Array.from({ length: leafCount }, (_, index) => ({ tree: number, level: 0, index })),
  );
  const damaged: string[] = [];
  let keys = 0;
  for (let at = 0; at < places.length; at += LEAVES_AT_ONCE) {
    const some = places.slice(at, at + LEAVES_AT_ONCE);
    const rows = await owner.store.find(some);
    for (const place of some) {
      const used = keysIn(tree, place, rows);
      if (used === undefined) damaged.push(placeText(place));
      else keys += used;
    }
  }
  const { rootId, epoch: rootEpoch } = tree.root;
  const { size: trees } = tree.shapes;
  return { rootId, rootEpoch, trees, leaves: places.length, keys, damaged };
}

function keysIn(
  tree: KeyTree,
  place: NodePlace,
  rows: Parameters<KeyTree['openVersion']>[1],
): number | undefined {
  try {
    const { entries } = tree.openVersion(place, rows);
    const used = usedEntries(entries);
    entries.wipe();
    return used;
  } catch {
    return undefined;
  }
}
