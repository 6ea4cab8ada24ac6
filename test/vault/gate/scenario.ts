import { join } from 'node:path';
import Database from 'better-sqlite3';
import { SealBroken } from '../../../src/crypto/seal.js';
import { rootKeyOf } from '../../../src/vault/roots/root-key.js';
import { parseSlot, SLOT_BYTES } from '../../../src/vault/roots/root-slot.js';
import { judge } from '../../../src/vault/thief/judge.js';
import { Thief } from '../../../src/vault/thief/thief.js';
import { openNode, parseNode } from '../../../src/vault/tree/key-node.js';
import type { SealedTemplate } from '../../../src/vault/vault.js';
import { Caught, require, type Step, unitVector, World } from './world.js';

/** The life of some subjects, and every attack on it. Throws what it noticed. */
export async function everySubjectIsWholeOrGone(): Promise<void> {
  await withOneShare();
  await withTwoShares();
  await afterFailures();
  await afterCrashes();
  await whenTheTreeIsOld();
  await whenItLostTheRoot();
}

async function withOneShare(): Promise<void> {
  const world = await World.open();
  const inodes = world.inodes();
  const many = await Promise.all(
    Array.from({ length: 70 }, (_, at) => world.enrol('many', `m${String(at)}`)),
  );
  const few = [await world.enrol('few', 'f0'), await world.enrol('few', 'f1')];
  const dropped = [await world.enrol('dropped', 'd0'), await world.enrol('dropped', 'd1')];
  world.backUp();
  const oldRoots = world.roots();
  const [alone, ...batch] = [many[0]!, many[2]!, many[3]!, many[66]!];
  await eraseOrderly(world, [alone]);
  world.backUp();
  await eraseOrderly(world, batch);
  await orderly(world, async () => await world.vault.shredScope({ tenantId: 'dropped' }));
  await eraseOrderly(world, [few[0]!]);
  world.backUp();
  const again = await world.enrol('many', 'again');
  const erased = [alone, ...batch, ...dropped, few[0]!];
  await slotsAreUsedAgain(world, { again, erased });
  const live = [...many, ...few, again].filter((template) => !erased.includes(template));
  await openExactly(world, { live, erased });
  await boundToPlaceAndOwner(world, live);
  // What is left behind is removed with the next change, or when the vault ends.
  await world.stop();
  await world.start();
  await openExactly(world, { live, erased });
  world.backUp();
  require(String(world.inodes()) === String(inodes), 'the root file is another file now');
  noSecretInDatabase(world);
  distinctIvs(world);
  await thiefOpensExactly(world, { live, erased, oldRoots });
  await world.close();
}

async function withTwoShares(): Promise<void> {
  const world = await World.open(2);
  const people = await Promise.all(
    Array.from({ length: 4 }, (_, at) => world.enrol('t', `p${String(at)}`)),
  );
  world.backUp();
  const oldRoots = world.roots();
  await eraseOrderly(world, [people[0]!]);
  world.backUp();
  for (const root of world.roots()) require(wholeSlots(root) === 1, 'a store holds two shares');
  await thiefOpensExactly(world, { live: people.slice(1), erased: [people[0]!], oldRoots });
  // One store remembers its old share; the other one forgot.
  for (const at of [0, 1]) {
    const mixed = world.roots().map((root, store) => (store === at ? oldRoots[store]! : root));
    const opened = await thiefOpens(world, mixed);
    require(!opened.has(people[0]!.keyId), 'one forgotten share is not enough');
  }
  await world.close();
}

/** Every step fails once; what was not acknowledged may be repeated, and nothing else changes. */
async function afterFailures(): Promise<void> {
  const steps: Step[] = ['commit:begin', 'commit:end', 'stage:begin', 'stage:end', 'wipe:begin'];
  const world = await World.open();
  const people: SealedTemplate[] = [];
  for (const at of [...steps.keys(), 98, 99]) people.push(await world.enrol('t', `p${String(at)}`));
  for (const [at, step] of steps.entries()) {
    world.fail = (reached) => {
      if (reached !== step) return;
      world.fail = () => undefined;
      throw new Error('this step fails');
    };
    const outcome = await world.vault.shred([people[at]!.keyId]).then(
      () => 'answered',
      () => 'failed',
    );
    require(outcome === 'failed', `an erasure was answered although ${step} failed`);
    await world.vault.shred([people[at]!.keyId]);
    await openExactly(world, { live: people.slice(at + 1), erased: people.slice(0, at + 1) });
    await world.enrol('t', `new${String(at)}`);
  }
  await world.close();
}

/** A crash between two steps: afterwards a subject is whole or gone, and the root is one. */
async function afterCrashes(): Promise<void> {
  for (const [shares, step] of [
    [1, 'commit:end'],
    [1, 'stage:end'],
    [2, 'stage:begin'],
    [2, 'stage:end'],
    [2, 'wipe:begin'],
  ] as const) {
    const world = await World.open(shares);
    const people = [await world.enrol('t', 'a'), await world.enrol('t', 'b')];
    world.backUp();
    let reached = 0;
    world.fail = (now) => {
      // The second store of two does not get so far; the first one did.
      if (now === step && (reached += 1) === shares) throw new Error('the process ends here');
      if (reached >= shares) throw new Error('the process has ended');
    };
    await world.vault.shred([people[0]!.keyId]).catch(() => undefined);
    await world.crash();
    await world.start();
    const [first] = await world.vault.open(people);
    const isErased = first === undefined;
    const isCommitted = step === 'wipe:begin' || (step === 'stage:end' && shares === 1);
    require(isErased === isCommitted || step === 'stage:end', `after ${step} a root is lost`);
    await openExactly(world, {
      live: isErased ? people.slice(1) : people,
      erased: isErased ? people.slice(0, 1) : [],
    });
    for (const root of world.roots())
      require(wholeSlots(root) === 1, `after ${step} and a start two shares are left`);
    world.backUp();
    const opened = await thiefOpens(world, world.roots());
    require(opened.has(people[0]!.keyId) ===
      !isErased, `after ${step} the thief sees it otherwise`);
    await world.vault.shred(people.map(({ keyId }) => keyId));
    await openExactly(world, { live: [], erased: people });
    await world.close();
  }
}

async function whenTheTreeIsOld(): Promise<void> {
  const world = await World.open();
  const people = [await world.enrol('t', 'a'), await world.enrol('t', 'b')];
  const rootId = (await world.store.trees.rootIds())[0]!;
  await world.vault.shred([people[0]!.keyId]);
  await world.vault.close();
  const tree = world.store.trees.of(rootId);
  await tree.claim('restorer');
  const newest = await tree.upperNodes();
  const [top] = newest.filter(({ tree: number }) => number === 0).sort((a, b) => b.epoch - a.epoch);
  const sql = new Database(join(world.dataDir, 'lethe.db'));
  sql.prepare('DELETE FROM keyNodes WHERE epoch = ?').run(top!.epoch);
  sql.close();
  await world.crash();
  const sentence = await world.start().then(
    () => undefined,
    (error: unknown) => String(error),
  );
  require(sentence?.includes('older than the root') === true, 'an old tree was not refused');
  await world.crash();
  await world.store.close();
}

async function whenItLostTheRoot(): Promise<void> {
  const world = await World.open();
  const people = [await world.enrol('t', 'a'), await world.enrol('t', 'b')];
  const rootId = (await world.store.trees.rootIds())[0]!;
  await world.store.trees.of(rootId).claim('another process');
  const outcome = await world.vault.shred([people[0]!.keyId]).then(
    () => 'answered',
    () => 'refused',
  );
  require(outcome === 'refused', 'a process that lost the root answered an erasure');
  await world.crash();
  await world.store.close();
}

async function eraseOrderly(world: World, templates: readonly SealedTemplate[]): Promise<void> {
  const before = await keyIdsByPlace(world);
  await orderly(world, async () => {
    await Promise.all(templates.map(({ keyId }) => world.vault.shred([keyId])));
  });
  const after = await keyIdsByPlace(world);
  const changed = [...after].filter(([place, keyId]) => before.get(place) !== keyId);
  require(changed.length >= 1, 'no path was rekeyed');
  require(new Set(after.values()).size ===
    after.size, 'two nodes that are in use have the same key');
}

/** The protocol: nodes, then the next root in every store, then no other root in any, then the answer. */
async function orderly(world: World, erase: () => Promise<unknown>): Promise<void> {
  world.steps.length = 0;
  await erase();
  const steps = [...world.steps];
  const last = (step: Step) => steps.lastIndexOf(step);
  const first = (step: Step) => steps.indexOf(step);
  const isInOrder =
    first('commit:begin') >= 0 &&
    first('commit:end') < first('stage:begin') &&
    first('stage:begin') >= 0 &&
    first('wipe:begin') > first('stage:end') &&
    last('wipe:end') > last('wipe:begin');
  require(isInOrder, `the steps are out of order: ${steps.join(' ')}`);
  for (const step of ['stage', 'wipe'] as const) {
    const within = steps.slice(first(`${step}:begin`), first(`${step}:end`));
    const isSynced = within.lastIndexOf('sync:end') > within.lastIndexOf('write:end');
    require(isSynced && within.includes('write:end'), `${step} does not end with a sync`);
  }
  for (const root of world.roots()) require(wholeSlots(root) === 1, 'the old share is still there');
}

async function openExactly(
  { vault }: World,
  { live, erased }: { live: readonly SealedTemplate[]; erased: readonly SealedTemplate[] },
): Promise<void> {
  const opened = await vault.open([...live, ...erased]);
  opened.forEach((template, at) => {
    if (at >= live.length) {
      require(template === undefined, 'an erased template opens');
      return;
    }
    const expected = unitVector(live[at]!.uuid).use((bytes) => Buffer.from(bytes).toString('hex'));
    const found = template?.use((bytes) => Buffer.from(bytes).toString('hex'));
    require(found === expected, 'a live template does not open');
  });
}

async function slotsAreUsedAgain(
  world: World,
  { again, erased }: { again: SealedTemplate; erased: readonly SealedTemplate[] },
): Promise<void> {
  const slotOf = ({ keyId }: SealedTemplate) => keyId.split('.').slice(0, 3).join('.');
  const before = erased.find((template) => slotOf(template) === slotOf(again));
  require(before !== undefined, 'no slot was used again');
  await world.vault.shred([before!.keyId]);
  const [opened] = await world.vault.open([again]);
  require(opened !== undefined, 'an old name destroyed the key that has its slot now');
}

async function boundToPlaceAndOwner(world: World, live: readonly SealedTemplate[]): Promise<void> {
  const [a, b] = [live[0]!, live[1]!];
  const moved = await world.vault.open([{ ...a, uuid: b.uuid }]).catch(() => [undefined]);
  require(moved[0] === undefined, 'a template opens for another owner');
  const [root] = world.roots().map((bytes) => rootOf(bytes));
  const top = (await world.store.trees.of((await world.store.trees.rootIds())[0]!).upperNodes())
    .filter(({ tree }) => tree === 0)
    .find(({ sealed }) => opens(root!, sealed));
  require(top !== undefined, 'the top of the directory does not open with the root');
  const elsewhere = Uint8Array.from(top!.sealed);
  elsewhere[20] = 1;
  require(!opens(root!, elsewhere), 'a node opens at another place');
}

function opens(key: ReturnType<typeof rootOf>, sealed: Uint8Array): boolean {
  try {
    openNode(key, sealed).wipe();
    return true;
  } catch (error) {
    if (error instanceof SealBroken) return false;
    throw error;
  }
}

function rootOf(file: Uint8Array) {
  const slot = slotsIn(file).find((found) => found !== undefined);
  if (slot === undefined) throw new Caught('a root file holds no share');
  return rootKeyOf([slot.share]);
}

function slotsIn(file: Uint8Array) {
  return [0, 1].map((at) => parseSlot(file.subarray(at * SLOT_BYTES, (at + 1) * SLOT_BYTES)));
}

function wholeSlots(file: Uint8Array): number {
  return slotsIn(file).filter((slot) => slot !== undefined).length;
}

async function keyIdsByPlace(world: World): Promise<Map<string, string>> {
  const rootId = (await world.store.trees.rootIds())[0]!;
  const rows = [...(await world.store.trees.of(rootId).upperNodes())];
  const newest = new Map<string, string>();
  for (const row of rows.sort((a, b) => a.epoch - b.epoch)) {
    const { keyId = new Uint8Array(), ...place } = parseNode(row.sealed) ?? {};
    newest.set(JSON.stringify(place), Buffer.from(keyId).toString('hex'));
  }
  return newest;
}

function noSecretInDatabase(world: World): void {
  const root = rootOf(world.roots()[0]!);
  const slot = slotsIn(world.roots()[0]!).find((found) => found !== undefined);
  for (const secret of [root, slot!.share]) {
    const bytes = secret.use((key) => Buffer.from(key));
    for (const form of [bytes, bytes.toString('hex'), bytes.toString('base64')])
      require(!world.backups.some((backup) =>
        backup.includes(form),
      ), 'the root is in the database');
  }
}

function distinctIvs({ nodes }: World): void {
  const ivs = nodes.map(({ sealed }) => Buffer.from(sealed.subarray(37, 49)).toString('hex'));
  require(new Set(ivs).size === ivs.length, 'two seals share an IV');
}

async function thiefOpensExactly(
  world: World,
  of: {
    live: readonly SealedTemplate[];
    erased: readonly SealedTemplate[];
    oldRoots: readonly Buffer[];
  },
): Promise<void> {
  const liveKeyNames = of.live.map(({ keyId }) => keyId);
  const thief = await thiefOf(world, world.roots());
  try {
    const judged = judge(await thief.run(), { liveKeyNames });
    require(judged.isCompetent, `the thief is not competent: ${judged.verdict}`);
    require(judged.erasedOpened.length === 0, `the thief opens what was erased: ${judged.verdict}`);
    for (const { keyId } of of.erased)
      require(judged.erased.includes(keyId), 'an erased template is in no backup');
  } finally {
    thief.close();
  }
  const opened = await thiefOpens(world, [...world.roots(), ...of.oldRoots]);
  for (const { keyId } of of.erased)
    require(opened.has(keyId), 'with the old root the erased ones do not open: the proof is void');
}

async function thiefOpens(world: World, roots: readonly Buffer[]): Promise<Set<string>> {
  const thief = await thiefOf(world, roots);
  try {
    const { findings } = await thief.run();
    return new Set(
      findings
        .filter(({ isOpened, isKeyFound }) => isOpened || isKeyFound)
        .map(({ keyName }) => keyName),
    );
  } finally {
    thief.close();
  }
}

/** Everything that was ever written, and these roots. */
async function thiefOf(world: World, roots: readonly Buffer[]): Promise<Thief> {
  const thief = new Thief();
  for (const [at, backup] of world.backups.entries())
    await thief.addBytes(`backup ${String(at)}`, backup);
  await thief.addBytes('oplog', Buffer.concat(world.nodes.map(({ sealed }) => sealed)));
  for (const [at, root] of roots.entries()) await thief.addBytes(`root ${String(at)}`, root);
  return thief;
}
