import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import type { SecretBytes } from '../../src/crypto/secret-bytes.js';
import { ServiceError } from '../../src/errors/service-error.js';
import { parseKeyName } from '../../src/vault/key-name.js';
import { createSplitVault } from '../../src/vault/service/split-vault.js';
import type { SealedTemplate, Vault } from '../../src/vault/vault.js';
import { MemoryVault, plaintextOf, textOf } from '../support/memory-vault.js';

const down = () => new ServiceError('UNAVAILABLE', { detail: 'the key service cannot be reached' });

function setUp(count = 3) {
  const parts = Array.from({ length: count }, (_, index) => new MemoryVault(index + 1));
  return { parts, vault: createSplitVault(parts.map((vault) => ({ vault }))) };
}

async function sealFor(vault: Vault, tenantId: string): Promise<SealedTemplate> {
  const owner = { tenantId, uuid: 'u' };
  return { ...owner, ...(await vault.seal(owner, plaintextOf(`face of ${tenantId}`))) };
}

async function sealMany(vault: Vault, count: number): Promise<readonly SealedTemplate[]> {
  const tenants = Array.from({ length: count }, (_, index) => `tenant ${index.toString()}`);
  return await Promise.all(tenants.map((tenantId) => sealFor(vault, tenantId)));
}

function rootOf({ keyId }: { keyId: string }): string {
  return parseKeyName(keyId)!.rootId;
}

function countByRoot(sealed: readonly SealedTemplate[]): number[] {
  const roots = [...new Set(sealed.map(rootOf))];
  return roots.map((root) => sealed.filter((one) => rootOf(one) === root).length);
}

const texts = (opened: readonly (SecretBytes | undefined)[]) => opened.map(textOf);
const facesOf = (sealed: readonly SealedTemplate[]) =>
  sealed.map(({ tenantId }) => `face of ${tenantId}`);

describe('a vault that is split among key services', () => {
  test('when many tenants enrol, then every service takes a fair part, and a tenant stays with one', async () => {
    const { vault } = setUp();
    const counts = countByRoot(await sealMany(vault, 300));
    expect(counts).toHaveLength(3);
    expect(Math.min(...counts)).toBeGreaterThan(60);
    const again = await Promise.all(Array.from({ length: 20 }, () => sealFor(vault, 'tenant 7')));
    expect(new Set(again.map(rootOf)).size).toBe(1);
  });

  test('when templates of all services are opened in any order, then each comes back in its place', async () => {
    const { vault } = setUp();
    const sealed = await sealMany(vault, 24);
    expect(countByRoot(sealed)).toHaveLength(3);
    await fc.assert(
      fc.asyncProperty(fc.shuffledSubarray([...sealed]), async (shuffled) => {
        expect(texts(await vault.open(shuffled))).toEqual(facesOf(shuffled));
        const exist = await vault.exist(shuffled.map(({ keyId }) => keyId));
        expect(exist).toEqual(shuffled.map(() => true));
      }),
      { numRuns: 25 },
    );
  });

  test('when one key of several services is destroyed, then its place says so and the others open', async () => {
    const { vault } = setUp();
    const sealed = await sealMany(vault, 12);
    await vault.shred([sealed[5]!.keyId]);
    const faces: (string | undefined)[] = [...facesOf(sealed)];
    faces[5] = undefined;
    expect(texts(await vault.open(sealed))).toEqual(faces);
    const exist = await vault.exist(sealed.map(({ keyId }) => keyId));
    expect(exist).toEqual(sealed.map((_, index) => index !== 5));
  });

  test('when two processes list the services in another order, then they send a tenant to the same one', async () => {
    const { parts, vault } = setUp();
    const other = createSplitVault([...parts].reverse().map((part) => ({ vault: part })));
    const ours = await sealMany(vault, 40);
    const theirs = await sealMany(other, 40);
    expect(theirs.map(rootOf)).toEqual(ours.map(rootOf));
  });

  test('when a service is added, then every old key opens and only what it takes over goes to it', async () => {
    const { parts, vault } = setUp();
    const before = await sealMany(vault, 300);
    const added = new MemoryVault(9);
    const grown = createSplitVault([...parts, added].map((part) => ({ vault: part })));
    expect(texts(await grown.open(before))).toEqual(facesOf(before));
    const after = await sealMany(grown, 300);
    const moved = after.filter((sealed, index) => rootOf(sealed) !== rootOf(before[index]!));
    expect(moved.every((sealed) => rootOf(sealed) === added.rootId)).toBe(true);
    expect(moved.length).toBeGreaterThan(40);
    expect(moved.length).toBeLessThan(120);
  });

  test('when a bucket is given, then it decides instead of the tenant', async () => {
    const { vault } = setUp();
    const scope = { bucket: 'review/2026-11' };
    const sealed = await Promise.all(
      Array.from({ length: 30 }, async (_, index) =>
        vault.seal({ tenantId: index.toString(), uuid: 'u' }, plaintextOf('x'), scope),
      ),
    );
    expect(new Set(sealed.map(rootOf)).size).toBe(1);
  });

  test('when keys of several roots are shredded, then the result names each root and every key', async () => {
    const { parts, vault } = setUp();
    const sealed = await sealMany(vault, 12);
    const shredded = await vault.shred(sealed.map(({ keyId }) => keyId));
    const byRoot = (a: { rootId: string }, b: { rootId: string }) => (a.rootId < b.rootId ? -1 : 1);
    expect([...shredded.roots].sort(byRoot)).toEqual(
      parts.map(({ rootId }) => ({ rootId, epoch: 2 })).sort(byRoot),
    );
    expect(new Set(shredded.destroyedKeys).size).toBe(12);
    expect(new Set(shredded.retiredRoots).size).toBe(3);
    expect(texts(await vault.open(sealed))).toEqual(sealed.map(() => undefined));
  });

  test('when keys of one root are shredded, then no other root is asked', async () => {
    const { parts, vault } = setUp();
    const sealed = await sealFor(vault, 't');
    await vault.shred([sealed.keyId]);
    await vault.shred([sealed.keyId]);
    expect(parts.map(({ epoch }) => epoch).sort()).toEqual([1, 1, 2]);
    expect(parts.filter(({ calls }) => calls.includes('shred'))).toHaveLength(1);
  });

  test('when no key is shredded, then there is a result that destroyed nothing', async () => {
    expect(await setUp().vault.shred([])).toMatchObject({ destroyedKeys: [], retiredRoots: [] });
  });

  test('when a scope is shredded, then its keys end in every service and all others stay', async () => {
    const { parts, vault } = setUp();
    // A tenant has keys in several services once one was added.
    const old = createSplitVault([{ vault: parts[0]! }]);
    const older = createSplitVault([{ vault: parts[1]! }]);
    const mine = [await sealFor(old, 't'), await sealFor(older, 't'), await sealFor(vault, 't')];
    const bystanders = await sealMany(vault, 9);
    const shredded = await vault.shredScope({ tenantId: 't' });
    expect(shredded.roots).toHaveLength(3);
    expect(shredded.destroyedKeys).toHaveLength(3);
    expect(texts(await vault.open(mine))).toEqual([undefined, undefined, undefined]);
    expect(texts(await vault.open(bystanders))).toEqual(facesOf(bystanders));
  });

  test.each([
    ['shred', (vault: Vault, keyIds: string[]) => vault.shred(keyIds)],
    ['shredScope', (vault: Vault) => vault.shredScope({ tenantId: 'nobody' })],
  ])(
    'when one service fails during %s, then the call fails after the others have done it, and a repetition succeeds',
    async (method, call) => {
      const { parts, vault } = setUp();
      const keyIds = (await sealMany(vault, 12)).map(({ keyId }) => keyId);
      parts[0]!.fault = down();
      await expect(call(vault, keyIds)).rejects.toThrow('cannot be reached');
      expect(parts.filter(({ calls }) => calls.includes(method))).toHaveLength(3);
      parts[0]!.fault = undefined;
      expect((await call(vault, keyIds)).roots).toHaveLength(3);
    },
  );

  test('when one service fails during open, then what the others opened is wiped', async () => {
    const { parts, vault } = setUp();
    const sealed = await sealMany(vault, 12);
    parts[1]!.fault = down();
    for (const part of parts) part.plaintexts.length = 0;
    await expect(vault.open(sealed)).rejects.toThrow('cannot be reached');
    const opened = parts.flatMap(({ plaintexts }) => plaintexts);
    expect(opened.length).toBeGreaterThan(0);
    for (const plaintext of opened) expect(() => plaintext.use(() => undefined)).toThrow('wiped');
  });

  test('when one service is down, then the tenants of the others are served, and it is ready', async () => {
    const { parts, vault } = setUp();
    const sealed = await sealMany(vault, 30);
    const [dead] = parts;
    dead!.fault = down();
    const served = sealed.filter((one) => rootOf(one) !== dead!.rootId);
    expect(texts(await vault.open(served))).toEqual(facesOf(served));
    await expect(vault.check()).resolves.toBeUndefined();
    await expect(vault.roots()).rejects.toThrow('cannot be reached');
    for (const part of parts) part.fault = down();
    await expect(vault.check()).rejects.toThrow('cannot be reached');
  });

  test('when a service was down at first, then enrolments go to the others, and its old keys are unavailable, not gone', async () => {
    const { parts, vault } = setUp();
    const sealed = await sealMany(vault, 30);
    const [dead] = parts;
    const theirs = sealed.find((one) => rootOf(one) === dead!.rootId)!;
    dead!.fault = down();
    const restarted = createSplitVault(parts.map((part) => ({ vault: part })));
    expect((await sealMany(restarted, 30)).every((one) => rootOf(one) !== dead!.rootId)).toBe(true);
    const sentence = `the owner of the root ${dead!.rootId} is not known, and 1 of 3 key services do not answer; start them`;
    for (const call of [
      restarted.open([theirs]),
      restarted.exist([theirs.keyId]),
      restarted.shred([theirs.keyId]),
    ])
      await expect(call).rejects.toMatchObject({ code: 'UNAVAILABLE', message: sentence });
    dead!.fault = undefined;
    expect(texts(await restarted.open([theirs]))).toEqual([`face of ${theirs.tenantId}`]);
  });

  test('when nobody owns the root of a key, then that is unavailable and says what to do', async () => {
    const { vault } = setUp();
    const stranger = await sealFor(new MemoryVault(77), 't');
    await expect(vault.open([stranger])).rejects.toMatchObject({
      code: 'UNAVAILABLE',
      message: expect.stringMatching(/^no key service that is set holds the root \S+; start the/),
      retryAfterSeconds: 5,
    });
  });

  test('when a service got a new root, then it is found without a restart', async () => {
    const { parts } = setUp(2);
    let current = parts[0]!;
    const replaced: Vault = new Proxy(parts[0]!, {
      get: (_target, member: keyof Vault) => current[member],
    });
    const vault = createSplitVault([{ vault: replaced }, { vault: parts[1]! }]);
    await sealMany(vault, 1);
    current = new MemoryVault(50);
    const sealed = await sealFor(current, 't');
    expect(texts(await vault.open([sealed]))).toEqual(['face of t']);
  });

  test('when many calls meet an unknown root at a time, then each service is asked once', async () => {
    const { parts } = setUp();
    const sealed = await sealFor(parts[0]!, 't');
    const vault = createSplitVault(parts.map((part) => ({ vault: part })));
    await Promise.all(Array.from({ length: 20 }, () => vault.open([sealed])));
    for (const { calls } of parts)
      expect(calls.filter((method) => method === 'roots')).toHaveLength(1);
  });

  test('when two services hold the same root, then nothing is done with either', async () => {
    const vault = createSplitVault([1, 2, 1].map((root) => ({ vault: new MemoryVault(root) })));
    const refused = { code: 'UNAVAILABLE', message: expect.stringContaining('two key services') };
    await expect(sealFor(vault, 't')).rejects.toMatchObject(refused);
  });

  test('when no service answers, then an enrolment is unavailable', async () => {
    const { parts, vault } = setUp();
    for (const part of parts) part.fault = down();
    await expect(sealFor(vault, 't')).rejects.toMatchObject({ code: 'UNAVAILABLE' });
  });

  test('when the name of a key is damaged, then that is an error and never "does not exist"', async () => {
    const { vault } = setUp();
    for (const keyId of ['', 'k', '0190-uuid', 'AQEBAQEBAQE.0.1.AAECAwQFBgcICQoLDA0ODw'])
      await expect(vault.exist([keyId])).rejects.toMatchObject({ code: 'INTERNAL' });
  });

  test('when there is no part, then there is no split vault', () => {
    expect(() => createSplitVault([])).toThrow(RangeError);
  });
});
