import { SecretBytes } from '../../crypto/secret-bytes.js';
import { parseSlot, printSlot, type RootSlot, SLOT_BYTES } from './root-slot.js';
import { type RootStore, RootStoreError } from './root-store.js';

/**
 * A copy of the root for the case that a store of it is lost: the slots of its shares (`root-slot.ts`),
 * one after the other in their order, 4096 bytes each. It opens everything that was not erased
 * before it was made, and with a backup of that time also what was erased since: so every slot says
 * until when it may exist. The caller encrypts and wipes it.
 */
export async function copyRoot(stores: readonly RootStore[]): Promise<SecretBytes> {
  const copy = new ArrayBuffer(stores.length * SLOT_BYTES);
  for (const [at, store] of stores.entries()) {
    const slots = (await store.load()) ?? [];
    const [current] = slots;
    if (current === undefined) throw new RootStoreError(`${store.name} holds no share of the root`);
    const printed = printSlot(current);
    printed.use((bytes) => {
      new Uint8Array(copy).set(bytes, at * SLOT_BYTES);
    });
    printed.wipe();
    for (const { share } of slots) share.wipe();
  }
  return SecretBytes.own(copy);
}

/**
 * Puts a copied root back into stores that are empty. Throws {@link RootStoreError} when the copy is
 * none, has expired, or a store holds a share already; then nothing was written.
 */
export async function restoreRoot(
  copy: SecretBytes,
  into: { readonly stores: readonly RootStore[]; readonly nowMs: number },
): Promise<void> {
  const { stores } = into;
  const slots = readCopy(copy, stores.length);
  try {
    const untilMs = slots[0]?.escrowedUntilMs ?? 0;
    if (untilMs <= into.nowMs)
      throw new RootStoreError('the escrowed root has expired and must be destroyed');
    for (const store of stores)
      if ((await store.load()) !== undefined)
        throw new RootStoreError(
          `${store.name} holds a share already; move it away first, if it is really the wrong one`,
        );
    for (const [at, slot] of slots.entries()) await stores[at]?.stage(slot);
  } finally {
    for (const { share } of slots) share.wipe();
  }
}

function readCopy(copy: SecretBytes, count: number): RootSlot[] {
  const slots = Array.from({ length: copy.lengthBytes / SLOT_BYTES }, (_, at) =>
    copy.part(at * SLOT_BYTES, SLOT_BYTES).use(parseSlot),
  ).flatMap((slot) => slot ?? []);
  if (slots.length === count && slots.length * SLOT_BYTES === copy.lengthBytes) return slots;
  throw new RootStoreError(
    `these are not the ${count.toString()} shares of an escrowed root; name as many stores as it was made from`,
  );
}
