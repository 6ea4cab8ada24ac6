import { Schema } from 'mongoose';
import type { NodePlace } from '../../vault/tree/key-node.js';
import type { NodeRow, TreeName } from '../../vault/tree/tree-store.js';
import { bytes, number, text } from './fields.js';
import {
  type Held,
  REQUIRED_BYTES,
  REQUIRED_NUMBER,
  REQUIRED_TEXT,
  STRICT,
  type Written,
} from './schema.js';

/** `_id` is the root id. */
export interface KeyRootRow extends Written, Held {
  readonly _id: string;
  readonly ownerId?: string;
  readonly beat: number;
  readonly epoch: number;
}

/** `_id` is `rootId/tree`, so that no tree has two names. */
export interface KeyTreeRow extends TreeName {
  readonly _id: string;
  readonly rootId: string;
}

/** What a node is read for besides its place. */
export type NodeKind = 'upper' | 'room' | 'full';

/** `_id` is {@link placeId} and the side. */
export interface KeyNodeRow extends NodeRow {
  readonly _id: string;
  readonly rootId: string;
  readonly place: string;
  readonly kind: NodeKind;
}

/** `_id` is the root id. */
export interface ReflectedRootRow {
  readonly _id: string;
  readonly epoch: number;
}

export const keyRootSchema = new Schema(
  {
    _id: REQUIRED_TEXT,
    writeId: REQUIRED_TEXT,
    ownerId: String,
    beat: REQUIRED_NUMBER,
    epoch: REQUIRED_NUMBER,
    heldBy: String,
  },
  STRICT,
);

export const keyTreeSchema = new Schema(
  { _id: REQUIRED_TEXT, rootId: REQUIRED_TEXT, tree: REQUIRED_NUMBER, scope: REQUIRED_TEXT },
  STRICT,
);
keyTreeSchema.index({ rootId: 1, tree: 1 });

export const keyNodeSchema = new Schema(
  {
    _id: REQUIRED_TEXT,
    rootId: REQUIRED_TEXT,
    place: REQUIRED_TEXT,
    kind: { ...REQUIRED_TEXT, enum: ['upper', 'room', 'full'] satisfies NodeKind[] },
    tree: REQUIRED_NUMBER,
    level: REQUIRED_NUMBER,
    index: REQUIRED_NUMBER,
    side: REQUIRED_NUMBER,
    epoch: REQUIRED_NUMBER,
    revision: REQUIRED_NUMBER,
    used: REQUIRED_NUMBER,
    sealed: REQUIRED_BYTES,
  },
  STRICT,
);
keyNodeSchema.index({ place: 1 });
keyNodeSchema.index({ rootId: 1, kind: 1 });
keyNodeSchema.index({ rootId: 1, tree: 1 });

export const reflectedRootSchema = new Schema(
  { _id: REQUIRED_TEXT, epoch: REQUIRED_NUMBER },
  STRICT,
);

export function placeId(rootId: string, { tree, level, index }: NodePlace): string {
  return [rootId, tree, level, index].join('/');
}

export function nodeId(rootId: string, node: NodePlace & Pick<NodeRow, 'side'>): string {
  return `${placeId(rootId, node)}/${node.side.toString()}`;
}

export function kindOf({ tree, level, used }: NodeRow): NodeKind {
  if (level > 0 || tree === 0) return 'upper';
  return used < 64 ? 'room' : 'full';
}

export function fromNode(rootId: string, node: NodeRow): KeyNodeRow {
  const place = placeId(rootId, node);
  return { _id: nodeId(rootId, node), rootId, place, kind: kindOf(node), ...node };
}

export function toNode(row: object): NodeRow {
  return {
    ...toLeaf(row),
    side: number(row, 'side') === 0 ? 0 : 1,
    epoch: number(row, 'epoch'),
    revision: number(row, 'revision'),
    sealed: bytes(row, 'sealed'),
  };
}

export function toLeaf(row: object): NodePlace & Pick<NodeRow, 'used'> {
  return {
    tree: number(row, 'tree'),
    level: number(row, 'level'),
    index: number(row, 'index'),
    used: number(row, 'used'),
  };
}

export function toTreeName(row: object): TreeName {
  return { tree: number(row, 'tree'), scope: text(row, 'scope') };
}
