import { equalBytes } from '../../crypto/compare.js';
import { SecretBytes } from '../../crypto/secret-bytes.js';
import { parseSlot, printSlot, type RootSlot, SLOT_BYTES } from './root-slot.js';
import { type Preflight, type RootStore, RootStoreError } from './root-store.js';
import type { ObjectHandle, ShareObjects, ShareToken, TokenDescription } from './share-token.js';

/** The bytes of a printed slot that mean something: tokens have little room, and the rest is zeros. */
const VALUE_BYTES = 96;

interface Held {
  readonly object: ObjectHandle;
  /** Undefined when the object holds anything but a whole slot. */
  readonly slot: RootSlot | undefined;
}

/**
 * A share in a token, e.g. a hardware security module: each slot is an object of its own, `stage`
 * makes one, and `wipe` destroys the others. Where the token destroys for good, erasure holds even
 * when the disk beside it remembers.
 *
 * A token knows no lock. The lock of the root file and the fencing of the database keep two
 * processes from using one; that `stage` checks the epochs before and after it writes is the second
 * line. The calls block the process for as long as the token takes.
 */
export function createTokenShare(token: ShareToken): RootStore {
  const fail = (reason: string): never => {
    throw new RootStoreError(`${token.name} ${reason}`);
  };

  return {
    name: token.name,

    async preflight() {
      return judge(token.name, await worded(() => token.describe()));
    },

    async load() {
      return await using(token, (objects) => {
        const held = readAll(objects);
        const slots = held.flatMap(({ slot }) => slot ?? []);
        const isAmbiguous = new Set(slots.map(({ epoch }) => epoch)).size < slots.length;
        if (isAmbiguous) forget(held);
        if (isAmbiguous) fail(TWO_OF_ONE_EPOCH);
        if (held.length > 0 && slots.length === 0) fail(NO_WHOLE_SLOT);
        return held.length === 0 ? undefined : slots;
      });
    },

    async stage(slot) {
      await using(token, (objects) => {
        if (epochsOf(objects).some((epoch) => epoch >= slot.epoch)) fail(USED_BY_ANOTHER);
        const created = create(objects, slot);
        const outcome = confirm(objects, slot);
        if (outcome === 'alone') return;
        objects.destroy(created);
        fail(outcome === 'missing' ? NOT_KEPT : USED_BY_ANOTHER);
      });
    },

    async wipe({ epoch }) {
      await using(token, (objects) => {
        const held = readAll(objects);
        forget(held);
        const kept = held.filter(({ slot }) => slot?.epoch === epoch);
        if (kept.length === 0) fail(`does not hold epoch ${epoch}; nothing was wiped`);
        if (kept.length > 1) fail(TWO_OF_ONE_EPOCH);
        for (const { object, slot } of held) if (slot?.epoch !== epoch) objects.destroy(object);
        if (objects.list().length > 1) fail(NOT_DESTROYED);
      });
    },

    async close() {
      token.close();
    },
  };
}

const NO_WHOLE_SLOT =
  'holds no whole root slot, only damaged ones: put the token that belongs here in its place, or an ' +
  'escrowed root, for without it no template of this store opens';
const TWO_OF_ONE_EPOCH =
  'holds two shares of the same epoch, so two processes have used it; end one of them, and remove ' +
  "its share with the tool of the token's maker";
const USED_BY_ANOTHER =
  'holds a share of this epoch or a higher one: another process has used this root; stop it and start again';
const NOT_KEPT = 'did not keep the share that it took; use another token';
const NOT_DESTROYED =
  "still shows an object that it said was destroyed; remove it with the tool of the token's maker";

/**
 * Software that keeps its objects in files, even where it calls itself hardware. On ext4 all of 49
 * values that SoftHSM had destroyed were still in free blocks, sealed under the PIN.
 */
const KEEPS_FILES = /softhsm|tpm2\.0 cryptoki|opencryptoki/i;

function judge(name: string, { makers, isHardware }: TokenDescription): Preflight {
  const who = `${name} (${makers})`;
  if (KEEPS_FILES.test(makers)) {
    return {
      verdict: 'doubtful',
      reason: `${who} keeps its objects in files, which a disk and its backups may remember; add a second share in another place`,
    };
  }
  if (!isHardware) {
    return {
      verdict: 'doubtful',
      reason: `${who} does not claim to be hardware, and only its maker says whether a destroyed object is gone; add a second share in another place`,
    };
  }
  return {
    verdict: 'forgets',
    reason: `${who} claims to be hardware; that a destroyed object is gone rests on the word of its maker, and on nobody backing the token up`,
  };
}

/** All objects, highest epoch first. The caller wipes the shares. */
function readAll(objects: ShareObjects): Held[] {
  const held: Held[] = [];
  try {
    for (const object of objects.list()) held.push({ object, slot: readSlot(objects, object) });
  } catch (error) {
    forget(held);
    throw error;
  }
  return held.sort((a, b) => (b.slot?.epoch ?? -1) - (a.slot?.epoch ?? -1));
}

function readSlot(objects: ShareObjects, object: ObjectHandle): RootSlot | undefined {
  const value = objects.read(object);
  const page = SecretBytes.own(new ArrayBuffer(SLOT_BYTES));
  try {
    if (value.lengthBytes !== VALUE_BYTES) return undefined;
    return page.use((bytes) => {
      value.use((source) => bytes.set(source));
      return parseSlot(bytes);
    });
  } finally {
    value.wipe();
    page.wipe();
  }
}

function forget(held: readonly Held[]): void {
  for (const { slot } of held) slot?.share.wipe();
}

function epochsOf(objects: ShareObjects): number[] {
  const held = readAll(objects);
  forget(held);
  return held.flatMap(({ slot }) => slot?.epoch ?? []);
}

function create(objects: ShareObjects, slot: RootSlot): ObjectHandle {
  const printed = printSlot(slot);
  const value = SecretBytes.own(new ArrayBuffer(VALUE_BYTES));
  try {
    value.use((bytes) => {
      printed.use((page) => bytes.set(page.subarray(0, VALUE_BYTES)));
    });
    return objects.create(value);
  } finally {
    printed.wipe();
    value.wipe();
  }
}

/** Whether the token now holds this slot, and no other that is as high. */
function confirm(objects: ShareObjects, slot: RootSlot): 'alone' | 'missing' | 'rivalled' {
  const held = readAll(objects);
  const high = held.flatMap((one) => (one.slot && one.slot.epoch >= slot.epoch ? one.slot : []));
  const isThere = high.some((one) => isSameShare(one, slot));
  forget(held);
  if (!isThere) return 'missing';
  return high.length === 1 ? 'alone' : 'rivalled';
}

function isSameShare(one: RootSlot, other: RootSlot): boolean {
  return one.share.use((a) => other.share.use((b) => equalBytes(a, b)));
}

async function using<T>(token: ShareToken, work: (objects: ShareObjects) => T): Promise<T> {
  return await worded(() => token.use(work));
}

/** What the token throws becomes the error of root stores. */
async function worded<T>(call: () => Promise<T>): Promise<T> {
  try {
    return await call();
  } catch (error) {
    if (!(error instanceof Error) || error.name !== 'TokenFailure') throw error;
    throw new RootStoreError(error.message, { cause: error.cause });
  }
}
