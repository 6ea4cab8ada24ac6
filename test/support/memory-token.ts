import { SecretBytes } from '../../src/crypto/secret-bytes.js';
import type { ObjectHandle, ShareObjects, ShareToken } from '../../src/vault/roots/share-token.js';

/** What the adapter throws when the token does not do as it is told. */
export class MemoryTokenFailure extends Error {
  override readonly name = 'TokenFailure';
}

/** A token in memory; its objects survive the process that a test pretends to be. */
export class MemoryToken implements ShareToken {
  readonly name = 'token "memory"';
  makers = 'Acme, HSM 9000';
  isHardware = true;
  isClosed = false;
  readonly objects = new Map<number, Uint8Array>();
  /** Every secret that was lent to the other side or taken from it. */
  readonly lent: SecretBytes[] = [];
  /** Called before each step; what it throws, the step throws. */
  onStep: (step: 'list' | 'read' | 'create' | 'destroy') => void = () => undefined;
  /** Set by a token that does not keep its word. */
  forgetsToCreate = false;
  forgetsToDestroy = false;
  #next = 1;

  async describe() {
    return { makers: this.makers, isHardware: this.isHardware };
  }

  async use<T>(work: (objects: ShareObjects) => T): Promise<T> {
    return work({
      list: () => {
        this.onStep('list');
        return [...this.objects.keys()].map((id) => Uint8Array.of(id));
      },
      read: (object) => {
        this.onStep('read');
        return this.#lend(SecretBytes.take(Uint8Array.from(this.objects.get(idOf(object))!)));
      },
      create: (value) => {
        this.onStep('create');
        this.#lend(value);
        const id = this.#next;
        if (!this.forgetsToCreate) this.put(value.use((bytes) => Uint8Array.from(bytes)));
        return Uint8Array.of(id);
      },
      destroy: (object) => {
        this.onStep('destroy');
        if (!this.forgetsToDestroy) this.objects.delete(idOf(object));
      },
    });
  }

  close(): void {
    this.isClosed = true;
  }

  /** Makes an object as another program would. */
  put(value: Uint8Array): void {
    this.objects.set(this.#next, value);
    this.#next += 1;
  }

  #lend(secret: SecretBytes): SecretBytes {
    this.lent.push(secret);
    return secret;
  }
}

function idOf(object: ObjectHandle): number {
  return object[0]!;
}
