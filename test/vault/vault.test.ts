import { describe, expect, test } from '@jest/globals';
import { SealBroken } from '../../src/crypto/seal.js';
import { SecretBytes } from '../../src/crypto/secret-bytes.js';
import type { KeyStore } from '../../src/vault/key-store.js';
import { createWrappedKeyVault } from '../../src/vault/wrapped-key-vault.js';

/** Keeps everything it was ever given, as backups do. */
class RememberingKeyStore implements KeyStore {
  readonly live = new Map<string, Uint8Array>();
  readonly everSeen: Uint8Array[] = [];

  async insert(key: { keyId: string; wrapped: Uint8Array }): Promise<void> {
    this.live.set(key.keyId, key.wrapped);
    this.everSeen.push(key.wrapped);
  }

  async find(keyIds: readonly string[]): Promise<readonly (Uint8Array | undefined)[]> {
    return keyIds.map((keyId) => this.live.get(keyId));
  }

  async remove(keyIds: readonly string[]): Promise<void> {
    for (const keyId of keyIds) this.live.delete(keyId);
  }
}

const owner = { tenantId: 't', uuid: 'u' };

function setUp() {
  const keys = new RememberingKeyStore();
  return { keys, vault: createWrappedKeyVault({ rootKey: SecretBytes.random(32), keys }) };
}

const plaintext = () => SecretBytes.take(Uint8Array.from([1, 2, 3, 4]));
const content = (secret: SecretBytes | undefined) => secret?.use((bytes) => [...bytes]);

describe('the vault', () => {
  test('when a template is sealed, then its owner opens it and it is not in the sealed bytes', async () => {
    const { vault } = setUp();
    const sealed = await vault.seal(owner, plaintext());
    const [opened] = await vault.open([{ ...owner, ...sealed }]);
    expect(content(opened)).toEqual([1, 2, 3, 4]);
    expect(Buffer.from(sealed.sealedTemplate).includes(Buffer.from([1, 2, 3, 4]))).toBe(false);
  });

  test('when two templates are sealed, then each has a key of its own, wrapped in 60 bytes', async () => {
    const { vault, keys } = setUp();
    const first = await vault.seal(owner, plaintext());
    const second = await vault.seal(owner, plaintext());
    expect(first.keyId).not.toBe(second.keyId);
    expect(keys.everSeen.map((wrapped) => wrapped.byteLength)).toEqual([60, 60]);
  });

  test.each([
    ['tenant', { tenantId: 'other', uuid: 'u' }],
    ['uuid', { tenantId: 't', uuid: 'other' }],
  ])(
    'when a sealed template is put under another %s, then it does not open',
    async (_what, thief) => {
      const { vault } = setUp();
      const sealed = await vault.seal(owner, plaintext());
      await expect(vault.open([{ ...thief, ...sealed }])).rejects.toThrow(SealBroken);
    },
  );

  test('when the wrapped keys of two enrolments are swapped, then neither opens', async () => {
    const { vault, keys } = setUp();
    const a = await vault.seal(owner, plaintext());
    const b = await vault.seal(owner, plaintext());
    const wrapped = keys.live.get(b.keyId) ?? new Uint8Array();
    keys.live.set(a.keyId, wrapped);
    await expect(vault.open([{ ...owner, ...a }])).rejects.toThrow(SealBroken);
  });

  test('when a key is shredded, then its template stays closed, the bystander opens, and it may be repeated', async () => {
    const { vault } = setUp();
    const gone = await vault.seal(owner, plaintext());
    const bystander = await vault.seal({ tenantId: 't', uuid: 'b' }, plaintext());
    await vault.shred([gone.keyId]);
    await vault.shred([gone.keyId]);
    const opened = await vault.open([
      { ...owner, ...gone },
      { tenantId: 't', uuid: 'b', ...bystander },
    ]);
    expect(opened.map(content)).toEqual([undefined, [1, 2, 3, 4]]);
  });

  test('when an old copy of a wrapped key is put back, then it opens again: this adapter erases no backups', async () => {
    const { vault, keys } = setUp();
    const gone = await vault.seal(owner, plaintext());
    await vault.shred([gone.keyId]);
    const [copy] = keys.everSeen;
    await keys.insert({ keyId: gone.keyId, wrapped: copy ?? new Uint8Array() });
    const [opened] = await vault.open([{ ...owner, ...gone }]);
    expect(content(opened)).toEqual([1, 2, 3, 4]);
  });

  test('when the root key is another one, then nothing opens', async () => {
    const { vault, keys } = setUp();
    const sealed = await vault.seal(owner, plaintext());
    const stranger = createWrappedKeyVault({ rootKey: SecretBytes.random(32), keys });
    await expect(stranger.open([{ ...owner, ...sealed }])).rejects.toThrow(SealBroken);
  });
});
