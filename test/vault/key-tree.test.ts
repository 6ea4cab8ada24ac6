import { createHash } from 'node:crypto';
import { describe, expect, test } from '@jest/globals';
import { SealBroken } from '../../src/crypto/seal.js';
import { SecretBytes } from '../../src/crypto/secret-bytes.js';
import { ServiceError } from '../../src/errors/service-error.js';
import { keyIdText, parseKeyName, printKeyName } from '../../src/vault/key-name.js';
import { KEY_BYTES } from '../../src/vault/tree/key-node.js';
import { leafOf, placeText } from '../../src/vault/tree/key-tree.js';
import { TreeWriter } from '../../src/vault/tree/tree-writer.js';
import { plaintextOf } from '../support/memory-vault.js';
import { pathOf, picture, World } from './tree-world.js';

const uuids = (count: number, prefix = 'u'): string[] =>
  Array.from({ length: count }, (_, at) => `${prefix}${at}`);
const keyIdsOf = (templates: readonly { keyId: string }[]): string[] =>
  templates.map(({ keyId }) => keyId);
const slotOf = (keyId: string) => {
  const { tree, slot } = parseKeyName(keyId)!;
  return [tree, slot];
};

/** What a second process reads is what the first one has in memory. */
async function expectLoadedAsHeld(world: World): Promise<void> {
  const rows = await world.liveRows();
  const held = picture(await world.owner.tree(), rows.values());
  await world.start();
  expect(picture(await world.owner.tree(), rows.values())).toEqual(held);
}

describe('a key tree', () => {
  test('when a template is sealed, then its owner opens it, and the plaintext is in nothing that is stored', async () => {
    const world = await World.started();
    const template = await world.enrol('ann');
    expect(await world.areOpen([template])).toEqual([true]);
    expect(await world.vault.exist([template.keyId])).toEqual([true]);
    const stored = Buffer.concat([...world.trees.everSealed, template.sealedTemplate]);
    expect(stored.includes('face of')).toBe(false);
    expect(parseKeyName(template.keyId)).toMatchObject({ rootId: world.owner.rootId, tree: 1 });
  });

  test('when a person enrols twice, then each enrolment has a key of its own', async () => {
    const world = await World.started();
    const [first, second] = [await world.enrol('ann'), await world.enrol('ann')];
    await world.vault.shred([first.keyId]);
    expect(await world.areOpen([first, second])).toEqual([false, true]);
  });

  test('when a key is shredded, then that enrolment is gone, the others open, and it may be repeated', async () => {
    const world = await World.started({ rootStores: 2 });
    const templates = await world.enrolMany(['ann', 'bob', 'cem']);
    const { tombstone } = (await world.owner.tree()).root;
    const shredded = await world.vault.shred([templates[1]!.keyId]);
    expect(shredded).toMatchObject({
      roots: [{ rootId: world.owner.rootId, epoch: 2 }],
      irrecoverableAtMs: 0,
      retiredRoots: [tombstone],
    });
    expect(await world.areOpen(templates)).toEqual([true, false, true]);
    expect(await world.vault.exist(keyIdsOf(templates))).toEqual([true, false, true]);
    expect(await world.vault.roots()).toEqual([{ rootId: world.owner.rootId, epoch: 2 }]);
    // A repetition hears the same of it, as long as the process lives.
    expect(await world.vault.shred([templates[1]!.keyId])).toEqual(shredded);
    await world.vault.shred([templates[2]!.keyId]);
    expect(await world.vault.shred([templates[1]!.keyId])).toMatchObject({
      roots: [{ epoch: 3 }],
      retiredRoots: [tombstone],
      destroyedKeys: shredded.destroyedKeys,
    });
    await world.start();
    expect(await world.vault.shred([templates[1]!.keyId])).toMatchObject({
      roots: [{ epoch: 3 }],
      retiredRoots: [],
      destroyedKeys: [],
    });
    expect(world.rootStores.map((store) => store.shares().length)).toEqual([1, 1]);
  });

  test('when a key is shredded, then its tombstone is the hash of the key that was in the tree', async () => {
    const world = await World.started();
    const writer = new TreeWriter(world.owner);
    const key = SecretBytes.random(KEY_BYTES);
    const [slot] = await writer.add([{ scope: 'tenant/t', key }]);
    const hash = key.use((bytes) => createHash('sha256').update('dc').update(bytes).digest());
    const keyId = printKeyName({ rootId: world.owner.rootId, ...slot! });
    const { destroyedKeys } = await world.vault.shred([keyId]);
    expect(destroyedKeys).toEqual([hash.toString('base64url')]);
  });

  test('when an escrow was noted, then every erasure says until when', async () => {
    const world = await World.started();
    const template = await world.enrol('ann');
    await new TreeWriter(world.owner).renewRoot({ escrowedUntilMs: 1_795_000_000_000 });
    const { irrecoverableAtMs } = await world.vault.shred([template.keyId]);
    expect(irrecoverableAtMs).toBe(1_795_000_000_000);
  });

  test('when a scope is shredded, then all of it is gone and no other scope, and it may be repeated', async () => {
    const world = await World.started();
    const ofA = await world.enrolMany(uuids(70), 'a');
    const ofB = await world.enrolMany(['ann', 'bob'], 'b');
    const inBucket = await world.enrol('cem', 'a', { bucket: 'review/2026-11' });
    const shredded = await world.vault.shredScope({ tenantId: 'a' });
    expect(shredded).toMatchObject({ roots: [{ epoch: 2 }], destroyedKeys: [] });
    expect(shredded.retiredRoots).toHaveLength(1);
    expect(new Set(await world.areOpen(ofA))).toEqual(new Set([false]));
    expect(await world.areOpen([...ofB, inBucket])).toEqual([true, true, true]);
    expect(await world.vault.shredScope({ tenantId: 'a' })).toMatchObject({
      roots: [{ epoch: 2 }],
      retiredRoots: [],
    });
    await world.vault.shredScope({ bucket: 'review/2026-11' });
    expect(await world.areOpen([...ofB, inBucket])).toEqual([true, true, false]);
    await world.start();
    expect(await world.areOpen([...ofA.slice(0, 2), ...ofB])).toEqual([false, false, true, true]);
  });

  test('when a scope ended and comes again, then it starts empty, and old names open nothing', async () => {
    const world = await World.started();
    const old = await world.enrolMany(['ann', 'bob'], 'a');
    await world.vault.shredScope({ tenantId: 'a' });
    const again = await world.enrolMany(['ann', 'bob', 'cem', 'dia'], 'a');
    expect(await world.areOpen([...old, ...again])).toEqual([
      ...[false, false],
      ...[true, true, true, true],
    ]);
    await world.start();
    expect(await world.areOpen([...old, ...again])).toEqual([
      ...[false, false],
      ...[true, true, true, true],
    ]);
  });

  test('when a key is named alone and with its scope in one batch, then both are answered', async () => {
    const world = await World.started();
    const [ann, bob] = await world.enrolMany(['ann', 'bob'], 'a');
    const cem = await world.enrol('cem', 'b');
    const [one, all] = await Promise.all([
      world.vault.shred([ann!.keyId]),
      world.vault.shredScope({ tenantId: 'a' }),
    ]);
    expect([one.destroyedKeys.length, all.destroyedKeys.length]).toEqual([1, 0]);
    expect([one.roots[0]!.epoch, all.roots[0]!.epoch]).toEqual([2, 2]);
    expect(await world.areOpen([ann!, bob!, cem])).toEqual([false, false, true]);
    await expectLoadedAsHeld(world);
  });

  test('when names are not of this root, or are none, then nothing is touched', async () => {
    const world = await World.started();
    const template = await world.enrol('ann');
    const foreign = printKeyName({ ...parseKeyName(template.keyId)!, rootId: 'AAAAAAAAAAA' });
    const calls = (keyId: string) => [
      world.vault.exist([template.keyId, keyId]),
      world.vault.shred([template.keyId, keyId]),
      world.vault.open([{ ...template, keyId }]),
    ];
    for (const call of calls(foreign))
      await expect(call).rejects.toMatchObject({ code: 'UNAVAILABLE' });
    for (const call of calls('none'))
      await expect(call).rejects.toMatchObject({ code: 'INTERNAL' });
    const spaced = world.vault.shredScope({ bucket: 'no spaces' });
    await expect(spaced).rejects.toThrow(ServiceError);
    expect(await world.areOpen([template])).toEqual([true]);
  });

  test('when names point where nothing is, then they are as good as erased', async () => {
    const world = await World.started();
    const template = await world.enrol('ann');
    const name = parseKeyName(template.keyId)!;
    const elsewhere = [{ slot: 1 }, { slot: 64 }, { tree: 2 }, { tree: 4_000_000_000 }].map((at) =>
      printKeyName({ ...name, ...at }),
    );
    expect(await world.vault.exist(elsewhere)).toEqual([false, false, false, false]);
    expect(await world.vault.shred(elsewhere)).toMatchObject({ roots: [{ epoch: 1 }] });
    const otherId = printKeyName({ ...name, keyId: 'AAAAAAAAAAAAAAAAAAAAAA' });
    expect(await world.vault.exist([otherId])).toEqual([false]);
    expect(await world.vault.shred([otherId])).toMatchObject({ destroyedKeys: [] });
    expect(await world.areOpen([template])).toEqual([true]);
  });

  test('when nothing is asked, then nothing is answered', async () => {
    const { vault } = await World.started();
    expect(await vault.open([])).toEqual([]);
    expect(await vault.exist([])).toEqual([]);
    expect(await vault.shred([])).toMatchObject({ roots: [{ epoch: 1 }], retiredRoots: [] });
  });

  test.each([
    ['uuid', { uuid: 'bob' }],
    ['tenant', { tenantId: 'other' }],
  ])('when a template is put under another %s, then it does not open', async (_what, thief) => {
    const world = await World.started();
    const template = await world.enrol('ann');
    await expect(world.vault.open([{ ...template, ...thief }])).rejects.toThrow(SealBroken);
  });

  test('when one template of many does not open, then none is given out', async () => {
    const world = await World.started();
    const [ann, bob] = await world.enrolMany(['ann', 'bob']);
    const sealedTemplate = Uint8Array.from(bob!.sealedTemplate);
    sealedTemplate[40]! ^= 1;
    await expect(world.vault.open([ann!, { ...bob!, sealedTemplate }])).rejects.toThrow(SealBroken);
    const swapped = { ...bob!, sealedTemplate: ann!.sealedTemplate };
    await expect(world.vault.open([swapped])).rejects.toThrow(SealBroken);
  });

  test('when a slot is used again, then the old name is undefined and not an error', async () => {
    const world = await World.started();
    const [ann, bob] = await world.enrolMany(['ann', 'bob']);
    await world.vault.shred([ann!.keyId]);
    const cem = await world.enrol('cem');
    expect(slotOf(cem.keyId)).toEqual(slotOf(ann!.keyId));
    expect(await world.areOpen([ann!, bob!, cem])).toEqual([false, true, true]);
    expect(await world.vault.exist([ann!.keyId])).toEqual([false]);
    await world.vault.shred([ann!.keyId]);
    expect(await world.areOpen([cem])).toEqual([true]);
  });

  test('when a key goes, then every node on its path has a new key and no other node, and thieves find nothing of it', async () => {
    const world = await World.started();
    const templates = await world.enrolMany(uuids(200));
    await world.enrolMany(['ann'], 'other');
    const victim = templates[70]!;
    const path = pathOf(await world.owner.tree(), victim.keyId);
    const before = await world.keyIds();
    expect(world.stolenKeyIds()).toContain(parseKeyName(victim.keyId)!.keyId);
    await world.vault.shred([victim.keyId]);
    const after = await world.keyIds();
    const changed = [...before].filter(([place, keyId]) => after.get(place) !== keyId);
    expect(changed.map(([place]) => place).sort()).toEqual([...path].sort());
    expect(path).toEqual(['1/0/1', '1/1/0', '0/0/0']);
    const stolen = world.stolenKeyIds();
    const live = templates.filter((template) => template !== victim);
    expect(live.every(({ keyId }) => stolen.has(parseKeyName(keyId)!.keyId))).toBe(true);
    expect(stolen.has(parseKeyName(victim.keyId)!.keyId)).toBe(false);
    for (const [, keyId] of changed) expect(stolen.has(keyId)).toBe(false);
  });

  test('when a key is added, then no node gets another key, and the root stays', async () => {
    const world = await World.started();
    await world.enrolMany(uuids(63));
    const before = await world.keyIds();
    await world.enrol('ann');
    expect(await world.keyIds()).toEqual(before);
    expect(await world.vault.roots()).toMatchObject([{ epoch: 1 }]);
    expect(world.trees.nodes.get('1/0/0@0')).toMatchObject({ used: 64, revision: 1 });
    await expectLoadedAsHeld(world);
  });

  test('when the vault ends, then the store holds no node of a tree that was cut, and knows the epoch', async () => {
    const world = await World.started();
    const templates = await world.enrolMany(uuids(130));
    for (const { keyId } of templates.slice(0, 5)) await world.vault.shred([keyId]);
    await world.enrolMany(['ann'], 'a');
    await world.vault.shredScope({ tenantId: 'a' });
    expect([...world.trees.trees.keys()]).toEqual([1, 2]);
    await world.vault.close();
    expect([...world.trees.trees.keys()]).toEqual([1]);
    expect([...world.trees.nodes.values()].filter(({ tree }) => tree === 2)).toEqual([]);
    expect(world.trees.epoch).toBe(7);
  });

  test('when the process ends before that, then the next one removes what it finds', async () => {
    const world = await World.started();
    await world.enrolMany(uuids(130));
    await world.enrolMany(['ann'], 'a');
    await world.vault.shredScope({ tenantId: 'a' });
    expect([...world.trees.trees.keys()]).toEqual([1, 2]);
    await world.start();
    expect([...world.trees.trees.keys()]).toEqual([1]);
    expect([...world.trees.nodes.values()].filter(({ tree }) => tree === 2)).toEqual([]);
  });

  test('when a node is erased from again and again, then it has two sides and no more', async () => {
    const world = await World.started();
    const templates = await world.enrolMany(uuids(10));
    for (const { keyId } of templates.slice(0, 5)) await world.vault.shred([keyId]);
    expect([...world.trees.nodes.keys()].sort()).toEqual([
      '0/0/0@0',
      '0/0/0@1',
      '1/0/0@0',
      '1/0/0@1',
    ]);
  });

  test('when many calls come at once, then they are made in few batches and each gets its own answer', async () => {
    const world = await World.started();
    const first = await world.enrolMany(uuids(300));
    expect(world.trees.changes.length).toBeLessThan(6);
    const [gone, live] = [first.slice(0, 100), first.slice(100)];
    const [erased, added] = await Promise.all([
      Promise.all(gone.map(({ keyId }) => world.vault.shred([keyId]))),
      world.enrolMany(uuids(50, 'v'), 'other'),
      ...live.map(async (template) => {
        expect(await world.areOpen([template])).toEqual([true]);
      }),
    ]);
    expect(new Set(erased.map(({ roots }) => roots[0]!.epoch))).toEqual(new Set([2]));
    expect(new Set(erased.flatMap(({ destroyedKeys }) => destroyedKeys)).size).toBe(100);
    expect(new Set(erased.flatMap(({ retiredRoots }) => retiredRoots)).size).toBe(1);
    expect(new Set(await world.areOpen(gone))).toEqual(new Set([false]));
    expect(new Set(await world.areOpen([...live, ...added]))).toEqual(new Set([true]));
    await expectLoadedAsHeld(world);
  });

  test('when the same key is shredded by many at once, then all are answered with the same tombstone', async () => {
    const world = await World.started();
    const { keyId } = await world.enrol('ann');
    const answers = await Promise.all(uuids(5).map(() => world.vault.shred([keyId, keyId])));
    expect(new Set(answers.flatMap(({ destroyedKeys }) => destroyedKeys)).size).toBe(1);
    expect(answers.every(({ roots }) => roots[0]!.epoch === 2)).toBe(true);
  });

  test('when the vault is closed, then it refuses, and what was under way is finished', async () => {
    const world = await World.started();
    const template = await world.enrol('ann');
    const late = world.enrol('bob');
    const { vault } = world;
    await vault.close();
    const bob = await late;
    const before = world.rootStores[0]!.snapshot();
    const calls = [
      vault.seal({ tenantId: 't', uuid: 'x' }, plaintextOf('x')),
      vault.shred([template.keyId]),
      vault.shredScope({ tenantId: 't' }),
      vault.open([template]),
      vault.exist([template.keyId]),
      vault.roots(),
    ];
    for (const call of calls) await expect(call).rejects.toMatchObject({ code: 'UNAVAILABLE' });
    await expect(vault.check()).rejects.toThrow('the vault is closed');
    expect(world.rootStores[0]!.snapshot()).toEqual(before);
    await world.start();
    expect(await world.areOpen([template, bob])).toEqual([true, true]);
  });
});

describe('a key tree that grows', () => {
  test('when a leaf is full, then the 65th key gets another leaf under a new top', async () => {
    const world = await World.started();
    const templates = await world.enrolMany(uuids(64));
    expect((await world.owner.tree()).shapes.get(1)).toMatchObject({ height: 1, leafCount: 1 });
    const next = await world.enrol('ann');
    expect((await world.owner.tree()).shapes.get(1)).toMatchObject({ height: 2, leafCount: 2 });
    expect(slotOf(next.keyId)).toEqual([1, 64]);
    expect(new Set(await world.areOpen([...templates, next]))).toEqual(new Set([true]));
    await world.vault.shred([templates[3]!.keyId, next.keyId]);
    await expectLoadedAsHeld(world);
    expect(await world.areOpen([templates[3]!, next, templates[4]!])).toEqual([false, false, true]);
  });

  test('when there are 4096 keys, then the 4097th gets another level', async () => {
    const world = await World.started();
    const templates = await world.enrolMany(uuids(4096));
    expect((await world.owner.tree()).shapes.get(1)).toMatchObject({ height: 2, leafCount: 64 });
    const next = await world.enrol('ann');
    expect((await world.owner.tree()).shapes.get(1)).toMatchObject({ height: 3, leafCount: 65 });
    expect(new Set(await world.areOpen([...templates, next]))).toEqual(new Set([true]));
    const gone = [templates[0]!, templates[4095]!, next];
    await world.vault.shred(keyIdsOf(gone));
    await expectLoadedAsHeld(world);
    expect(await world.areOpen([...gone, templates[1]!])).toEqual([false, false, false, true]);
    const again = await world.enrolMany(uuids(3, 'v'));
    expect(again.map(({ keyId }) => slotOf(keyId)).sort()).toEqual(
      gone.map(({ keyId }) => slotOf(keyId)).sort(),
    );
  });

  test.each([
    ['one by one', 1],
    ['at once', 65],
  ])(
    'when 65 tenants come %s, then the directory grows by a level and all opens',
    async (_how, atOnce) => {
      const world = await World.started();
      const oldRoot = keyIdText((await world.owner.tree()).root.key);
      const first = [];
      for (let tenant = 0; tenant < 65; tenant += atOnce) {
        const tenants = Array.from({ length: atOnce }, (_, at) => `t${tenant + at}`);
        first.push(...(await Promise.all(tenants.map((tenantId) => world.enrol('u', tenantId)))));
      }
      const tree = await world.owner.tree();
      expect([tree.directoryHeight, tree.shapes.size, tree.root.epoch]).toEqual([2, 65, 2]);
      expect(world.rootStores[0]!.shares()).toHaveLength(1);
      expect(world.stolenKeyIds().has(oldRoot)).toBe(false);
      expect(new Set(await world.areOpen(first))).toEqual(new Set([true]));
      await expectLoadedAsHeld(world);
      await world.vault.shred([first[64]!.keyId]);
      await world.vault.shredScope({ tenantId: 't0' });
      expect(await world.areOpen([first[64]!, first[0]!, first[1]!])).toEqual([false, false, true]);
      await expectLoadedAsHeld(world);
    },
  );

  test('when trees were dropped, then their places in the directory are used again', async () => {
    const world = await World.started();
    for (let round = 0; round < 70; round += 1) {
      const template = await world.enrol('u', `t${round}`);
      expect(slotOf(template.keyId)[0]).toBeLessThanOrEqual(2);
      await world.vault.shredScope({ tenantId: `t${round}` });
      expect(await world.areOpen([template])).toEqual([false]);
    }
    expect((await world.owner.tree()).directoryHeight).toBe(1);
  });

  test('when a scope has 262,144 keys, then the next one goes into a second tree of the scope', async () => {
    const world = await World.started();
    const count = 262_145;
    const bytes = SecretBytes.random(count * KEY_BYTES);
    const additions = Array.from({ length: count }, (_, at) => ({
      scope: 'tenant/t',
      key: bytes.part(at * KEY_BYTES, KEY_BYTES),
    }));
    const slots = await new TreeWriter(world.owner).add(additions);
    const last = slots.slice(-2);
    expect(last.map(({ tree, slot }) => [tree, slot])).toEqual([
      [1, 262_143],
      [2, 0],
    ]);
    expect(last[1]!.keyId).toBe(keyIdText(additions.at(-1)!.key));
    const names = last.map((slot) => printKeyName({ rootId: world.owner.rootId, ...slot }));
    expect(await world.vault.exist(names)).toEqual([true, true]);
    await expectLoadedAsHeld(world);
    expect(await world.vault.exist(names)).toEqual([true, true]);
    const next = await world.enrol('ann');
    expect(slotOf(next.keyId)).toEqual([2, 1]);
    expect(placeText(leafOf(2, 1).place)).toBe('2/0/0');
    await world.vault.shredScope({ tenantId: 't' });
    expect(await world.vault.exist([...names, next.keyId])).toEqual([false, false, false]);
    expect(world.stolenKeyIds().size).toBe(1);
  }, 60_000);
});
