import type { SecretBytes } from '../../src/crypto/secret-bytes.js';
import type { RootSlot } from '../../src/vault/roots/root-slot.js';
import { parseSlot, printSlot } from '../../src/vault/roots/root-slot.js';
import {
  type Preflight,
  type RootStore,
  RootStoreError,
} from '../../src/vault/roots/root-store.js';

/** A root store in memory; survives the process that a test pretends to be. */
export class MemoryRoot implements RootStore {
  readonly name = 'memory root';
  /** Printed slots; undefined for one that was wiped. */
  slots: (Uint8Array | undefined)[] = [undefined, undefined];
  isMade = false;
  /** Called before and after each step takes effect; what it throws, the step throws. */
  onStep: (step: 'stage' | 'wipe', when: 'before' | 'after') => void = () => undefined;

  async preflight(): Promise<Preflight> {
    return { verdict: 'forgets', reason: 'it is in memory' };
  }

  async load(): Promise<readonly RootSlot[] | undefined> {
    if (!this.isMade) return undefined;
    const slots = this.#parsed().filter((slot) => slot !== undefined);
    if (slots.length === 0) throw new RootStoreError('memory root holds no whole slot');
    return slots.sort((a, b) => b.epoch - a.epoch);
  }

  async stage(slot: RootSlot): Promise<void> {
    this.onStep('stage', 'before');
    const epochs = this.#parsed().map((held) => held?.epoch ?? 0);
    if (Math.max(...epochs) >= slot.epoch) throw new RootStoreError('memory root is ahead');
    const at = (epochs[0] ?? 0) > (epochs[1] ?? 0) ? 1 : 0;
    this.isMade = true;
    this.slots[at] = printSlot(slot).use((bytes) => Uint8Array.from(bytes));
    this.onStep('stage', 'after');
  }

  async wipe({ epoch }: { epoch: number }): Promise<void> {
    this.onStep('wipe', 'before');
    const held = this.#parsed();
    if (!held.some((slot) => slot?.epoch === epoch))
      throw new RootStoreError('memory root does not hold this epoch');
    held.forEach((slot, at) => {
      if (slot?.epoch !== epoch) this.slots[at] = undefined;
    });
    this.onStep('wipe', 'after');
  }

  async close(): Promise<void> {
    // Nothing is held.
  }

  /** A copy, such as a snapshot of the machine would be. */
  snapshot(): (Uint8Array | undefined)[] {
    return [...this.slots];
  }

  /** The shares that are held now. */
  shares(): SecretBytes[] {
    return this.#parsed().flatMap((slot) => (slot === undefined ? [] : [slot.share]));
  }

  #parsed(): (RootSlot | undefined)[] {
    return this.slots.map((bytes) => bytes && parseSlot(bytes));
  }
}
