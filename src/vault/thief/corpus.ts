import { sha256 } from '../../crypto/hash.js';
import { base64url } from '../../lib/bytes.js';
import { parseKeyName } from '../key-name.js';
import type { RootSlot } from '../roots/root-slot.js';
import { templateKeyId } from '../template-seal.js';
import { parseNode } from '../tree/key-node.js';
import type { BlobSink } from './find-blobs.js';

/** A sealed node of the corpus. */
export interface FoundNode {
  readonly sealed: Uint8Array;
  isOpened: boolean;
}

/** The head of a sealed template of the corpus. */
export interface FoundTemplate {
  readonly head: Uint8Array;
  /** Id of the key that it says it was sealed under, base64url. */
  readonly keyId: string;
  /** Where it was found first. */
  readonly source: string;
  isOpened: boolean;
}

/** Everything that was found, each thing once, however many copies there are. */
export class Corpus {
  readonly nodes: FoundNode[] = [];
  readonly templates: FoundTemplate[] = [];
  readonly rootSlots: RootSlot[] = [];
  /** Key names by the key id at their end. */
  readonly keyNames = new Map<string, Set<string>>();
  readonly #nodesByKeyId = new Map<string, FoundNode[]>();
  readonly #templatesByKeyId = new Map<string, FoundTemplate[]>();
  readonly #digests = new Set<string>();

  /** Takes what is found in one source. */
  sink(source: string): BlobSink {
    return {
      node: (sealed) => {
        const header = parseNode(sealed);
        if (header === undefined || !this.#isNew(sealed)) return;
        const node = { sealed, isOpened: false };
        this.nodes.push(node);
        append(this.#nodesByKeyId, base64url(header.keyId), node);
      },
      template: (head) => {
        const keyId = templateKeyId(head);
        if (keyId === undefined || !this.#isNew(head)) return;
        const template = { head, keyId, source, isOpened: false };
        this.templates.push(template);
        append(this.#templatesByKeyId, keyId, template);
      },
      keyName: (text) => {
        const keyId = parseKeyName(text)?.keyId;
        if (keyId === undefined) return;
        const names = this.keyNames.get(keyId) ?? new Set();
        this.keyNames.set(keyId, names.add(text));
      },
      rootSlot: (slot) => {
        const place = `${slot.rootId} ${slot.epoch.toString()}`;
        if (slot.share.use((share) => this.#isNew(share, place))) this.rootSlots.push(slot);
        else slot.share.wipe();
      },
    };
  }

  /** Nodes that say that the key of this id opens them. */
  nodesOf(keyId: string): readonly FoundNode[] {
    return this.#nodesByKeyId.get(keyId) ?? [];
  }

  /** Templates that say that the key of this id opens them. */
  templatesOf(keyId: string): readonly FoundTemplate[] {
    return this.#templatesByKeyId.get(keyId) ?? [];
  }

  /** Whether anything found says that it was sealed under the key of this id, or is its name. */
  mentions(keyId: string): boolean {
    return (
      this.#nodesByKeyId.has(keyId) || this.#templatesByKeyId.has(keyId) || this.keyNames.has(keyId)
    );
  }

  wipe(): void {
    for (const { share } of this.rootSlots) share.wipe();
  }

  #isNew(bytes: Uint8Array, place = ''): boolean {
    const digest = base64url(sha256(bytes, place));
    if (this.#digests.has(digest)) return false;
    this.#digests.add(digest);
    return true;
  }
}

function append<T>(lists: Map<string, T[]>, key: string, item: T): void {
  const list = lists.get(key);
  if (list === undefined) lists.set(key, [item]);
  else list.push(item);
}
