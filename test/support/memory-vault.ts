import { sha256 } from '../../src/crypto/hash.js';
import { SecretBytes } from '../../src/crypto/secret-bytes.js';
import { ServiceError } from '../../src/errors/service-error.js';
import { base64url } from '../../src/lib/bytes.js';
import { keyIdText, parseKeyName, printKeyName } from '../../src/vault/key-name.js';
import { openTemplate, sealTemplate } from '../../src/vault/template-seal.js';
import { scopeText } from '../../src/vault/tree/scope.js';
import type { KeyScope, Shredded, Vault } from '../../src/vault/vault.js';

type Fault = Error | 'hang';

/** A vault with one root that keeps its keys in memory and seals in earnest. */
export class MemoryVault implements Vault {
  readonly rootId: string;
  readonly keys = new Map<string, { key: SecretBytes; scope: string }>();
  /** Every method that was called, in order. */
  readonly calls: string[] = [];
  /** Every plaintext that was lent out or taken in. */
  readonly plaintexts: SecretBytes[] = [];
  /** What becomes of every call from now on. */
  fault: Fault | undefined;
  epoch = 1;
  #slots = 0;
  #resume: (() => void)[] = [];

  constructor(root: number) {
    this.rootId = base64url(new Uint8Array(8).fill(root));
  }

  /** Lets the calls go on that hang. */
  resume(): void {
    this.fault = undefined;
    for (const resume of this.#resume.splice(0)) resume();
  }

  seal: Vault['seal'] = async (owner, plaintext, scope = { tenantId: owner.tenantId }) => {
    this.plaintexts.push(plaintext);
    await this.#called('seal');
    const key = SecretBytes.random(32);
    const slot = this.#slots++;
    const name = { rootId: this.rootId, tree: 1, slot, keyId: keyIdText(key) };
    const keyId = printKeyName(name);
    this.keys.set(keyId, { key, scope: scopeText(scope) });
    return { keyId, sealedTemplate: sealTemplate(key, { owner, keyName: name, plaintext }) };
  };

  open: Vault['open'] = async (templates) => {
    await this.#called('open');
    return templates.map((template) => {
      const key = this.#keyOf(template.keyId);
      const keyName = parseKeyName(template.keyId);
      if (key === undefined || keyName === undefined) return undefined;
      const content = { owner: template, keyName, sealed: template.sealedTemplate };
      const plaintext = openTemplate(key, content);
      this.plaintexts.push(plaintext);
      return plaintext;
    });
  };

  exist: Vault['exist'] = async (keyIds) => {
    await this.#called('exist');
    return keyIds.map((keyId) => this.#keyOf(keyId) !== undefined);
  };

  shred: Vault['shred'] = async (keyIds) => {
    await this.#called('shred');
    return this.#destroy(keyIds);
  };

  shredScope: Vault['shredScope'] = async (scope: KeyScope) => {
    await this.#called('shredScope');
    const ended = [...this.keys].filter(([, { scope: of }]) => of === scopeText(scope));
    return this.#destroy(ended.map(([keyId]) => keyId));
  };

  roots: Vault['roots'] = async () => {
    await this.#called('roots');
    return [{ rootId: this.rootId, epoch: this.epoch }];
  };

  check: Vault['check'] = async () => {
    await this.#called('check');
  };

  async #called(method: string): Promise<void> {
    this.calls.push(method);
    if (this.fault === 'hang') {
      await new Promise<void>((resolve) => {
        this.#resume.push(resolve);
      });
    } else if (this.fault !== undefined) throw this.fault;
  }

  #keyOf(keyId: string): SecretBytes | undefined {
    if (parseKeyName(keyId)?.rootId !== this.rootId)
      throw new ServiceError('UNAVAILABLE', { detail: 'a key of another root' });
    return this.keys.get(keyId)?.key;
  }

  #destroy(keyIds: readonly string[]): Shredded {
    const gone = keyIds.flatMap((keyId) => this.#keyOf(keyId) ?? []);
    for (const keyId of keyIds) this.keys.delete(keyId);
    const retired = `${this.rootId} ${this.epoch.toString()}`;
    if (gone.length > 0) this.epoch += 1;
    return {
      roots: [{ rootId: this.rootId, epoch: this.epoch }],
      irrecoverableAtMs: 0,
      retiredRoots: gone.length > 0 ? [base64url(sha256('rc', retired))] : [],
      destroyedKeys: gone.map((key) => key.use((bytes) => base64url(sha256('dc', bytes)))),
    };
  }
}

/** Fresh bytes to seal. */
export function plaintextOf(text: string): SecretBytes {
  return SecretBytes.take(new TextEncoder().encode(text));
}

/** What was opened, as text. */
export function textOf(opened: SecretBytes | undefined): string | undefined {
  return opened?.use((bytes) => new TextDecoder().decode(bytes));
}
