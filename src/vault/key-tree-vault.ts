import { SealBroken } from '../crypto/seal.js';
import { SecretBytes } from '../crypto/secret-bytes.js';
import { ServiceError } from '../errors/service-error.js';
import { type KeyName, keyIdText, parseKeyName, printKeyName } from './key-name.js';
import { openTemplate, sealTemplate } from './template-seal.js';
import { GroupQueue } from './tree/group-queue.js';
import { KEY_BYTES } from './tree/key-node.js';
import { scopeText } from './tree/scope.js';
import { inspectTree, type TreeReport } from './tree/tree-inspector.js';
import type { TreeOwner } from './tree/tree-owner.js';
import { type Leaves, withLeaves } from './tree/tree-reader.js';
import { TreeWriter } from './tree/tree-writer.js';
import { asUnavailable, Trouble } from './tree/trouble.js';
import type { SealedTemplate, Vault } from './vault.js';
import { VaultError } from './vault-error.js';

/** Time after the last change before what it left behind is removed from the store. */
const TIDY_AFTER_MS = 2_000;

/** A vault over a key tree, with the means to end it. */
export interface KeyTreeVault extends Vault {
  /** Opens everything and counts; changes nothing. */
  inspect(): Promise<TreeReport>;
  /**
   * Makes a new root of which a copy may exist until then, or as long as an earlier copy may. Returns
   * that time.
   */
  allowCopyUntil(untilMs: number): Promise<number>;
  /** Finishes what is under way and gives up the root. */
  close(): Promise<void>;
}

/**
 * The vault of the process that owns a root, which it closes in the end. Additions and removals that
 * come while others are being made wait and are then made together.
 */
export async function createKeyTreeVault(owner: TreeOwner): Promise<KeyTreeVault> {
  const writer = new TreeWriter(owner);
  try {
    if ((await owner.tree()).root.lacksShares) await writer.renewRoot();
  } catch (error) {
    await owner.close().catch(() => undefined);
    throw error;
  }
  const queue = new GroupQueue(writer, { tidyAfterMs: TIDY_AFTER_MS });
  const trouble = new Trouble();
  const read = <T>(names: readonly KeyName[], work: (leaves: Leaves) => T): Promise<T> => {
    const reading = async () => await withLeaves(owner, names, work);
    const checking = (leaves: Leaves) => names.map(({ tree, slot }) => leaves.key(tree, slot));
    return trouble.watch(reading, {
      retry: async () => await withLeaves(owner, names, checking),
    });
  };
  // A new root is the write that shows whether its stores take one.
  const write = <T>(work: () => Promise<T>): Promise<T> =>
    trouble.watch(work, { retry: async () => await queue.renewRoot({}) });

  return {
    seal: (templateOwner, plaintext, scope = { tenantId: templateOwner.tenantId }) =>
      write(async () => {
        const key = SecretBytes.random(KEY_BYTES);
        try {
          const slot = await queue.add({ scope: scopeText(scope), key });
          const keyName = { rootId: owner.rootId, ...slot };
          const content = { owner: templateOwner, keyName, plaintext };
          return { keyId: printKeyName(keyName), sealedTemplate: sealTemplate(key, content) };
        } finally {
          key.wipe();
        }
      }),
    open: (templates) =>
      asUnavailable(async () => {
        const named = templates.map((template) => ({
          template,
          name: nameOf(owner, template.keyId),
        }));
        const names = named.map(({ name }) => name);
        return await read(names, (leaves) => openAll(leaves, named));
      }),
    exist: (keyIds) =>
      asUnavailable(async () => {
        const names = keyIds.map((keyId) => nameOf(owner, keyId));
        return await read(names, (leaves) =>
          names.map((name) => keyNamed(leaves, name) !== undefined),
        );
      }),
    shred: (keyIds) =>
      write(async () => await queue.remove({ names: keyIds.map((keyId) => nameOf(owner, keyId)) })),
    shredScope: (scope) => write(async () => await queue.remove({ scope: scopeText(scope) })),
    roots: () =>
      asUnavailable(async () => {
        const { root } = await owner.treeToRead();
        return [{ rootId: owner.rootId, epoch: root.epoch }];
      }),
    check: async () => {
      await trouble.recheck();
      await owner.treeToRead();
    },
    inspect: async () => await inspectTree(owner),
    allowCopyUntil: async (untilMs) => {
      await queue.renewRoot({ escrowedUntilMs: untilMs });
      return (await owner.tree()).root.escrowedUntilMs;
    },
    close: async () => {
      await queue.close();
      await owner.close();
    },
  };
}

interface Named {
  readonly template: SealedTemplate;
  readonly name: KeyName;
}

function openAll(leaves: Leaves, named: readonly Named[]): (SecretBytes | undefined)[] {
  const opened: (SecretBytes | undefined)[] = [];
  try {
    for (const { template, name } of named) opened.push(openOne(leaves, template, name));
    return opened;
  } catch (error) {
    for (const template of opened) template?.wipe();
    throw error;
  }
}

/**
 * What opens is the template, whatever was read; only for one that does not open is it worth to look
 * whether the leaf is whole, and whether another key is in the slot by now.
 */
function openOne(
  leaves: Leaves,
  template: SealedTemplate,
  keyName: KeyName,
): SecretBytes | undefined {
  const content = { owner: template, keyName, sealed: template.sealedTemplate };
  const peeked = leaves.peek(keyName.tree, keyName.slot);
  try {
    if (peeked !== undefined) return openTemplate(peeked, content);
  } catch (error) {
    if (!(error instanceof SealBroken)) throw error;
  }
  const key = keyNamed(leaves, keyName);
  return key && openTemplate(key, content);
}

/** The key of this name; undefined when it does not exist any more. */
function keyNamed(leaves: Leaves, { tree, slot, keyId }: KeyName): SecretBytes | undefined {
  const peeked = leaves.peek(tree, slot);
  if (peeked !== undefined && keyIdText(peeked) === keyId) return peeked;
  const key = leaves.key(tree, slot);
  return key !== undefined && keyIdText(key) === keyId ? key : undefined;
}

function nameOf(owner: TreeOwner, keyId: string): KeyName {
  const name = parseKeyName(keyId);
  if (name === undefined)
    throw new ServiceError('INTERNAL', { detail: 'a stored subject names no valid key' });
  if (name.rootId !== owner.rootId)
    throw new VaultError(
      `a subject has its key under root ${name.rootId}, but this process owns root ${owner.rootId}; start the key service that owns it, and name it in VAULT_URL`,
    );
  return name;
}
